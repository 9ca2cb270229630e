"""What a fact may be used for. `service` is answering the customer; `marketing` is writing to them unasked.

Which facts marketing may use is the brand's to say (`MARKETING_USES`), but for special categories: those
wait for a yes, and then serve the customer only. Which attributes are special is said in the catalogue.
"""

from collections.abc import Collection
from typing import Literal, get_args

from recuerda.models import Sensitivity

Purpose = Literal["service", "marketing"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def stricter(one: Sensitivity, other: Sensitivity) -> Sensitivity:
    return max(one, other, key=list(Sensitivity).index)


def purposes(sensitivity: Sensitivity, marketing_uses: Collection[str]) -> list[str]:
    """What a fact so sensitive may be used for, as stored with it."""
    for_marketing = sensitivity is not Sensitivity.SPECIAL and sensitivity in marketing_uses
    return ["service", "marketing"] if for_marketing else ["service"]
