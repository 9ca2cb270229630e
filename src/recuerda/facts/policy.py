"""What a fact may be used for: serving the customer, and marketing where the brand and the customer allow it.

Which facts marketing may use is the brand's to say (`MARKETING_USES`), but for special categories: those
wait for a yes, and then serve the customer only. Which attributes are special is said in the catalogue.
"""

from collections.abc import Collection

from recuerda.models import Purpose, Sensitivity


def stricter(one: Sensitivity, other: Sensitivity) -> Sensitivity:
    return max(one, other, key=list(Sensitivity).index)


def purposes(sensitivity: Sensitivity, marketing_uses: Collection[str]) -> list[str]:
    """What a fact so sensitive may be used for, as stored with it."""
    for_marketing = sensitivity is not Sensitivity.SPECIAL and sensitivity in marketing_uses
    return [Purpose.SERVICE.value, *([Purpose.MARKETING.value] if for_marketing else [])]
