# Small, non-root, no build tools in the final image.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/ requirements/
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/installer.txt \
 && VIRTUAL_ENV=/venv /venv/bin/uv pip install --no-cache --compile-bytecode --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY prompts/ prompts/
COPY src/ src/
RUN VIRTUAL_ENV=/venv /venv/bin/uv pip install --no-cache --compile-bytecode --no-deps --no-build-isolation . \
 && VIRTUAL_ENV=/venv /venv/bin/uv pip uninstall uv hatchling editables

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 recuerda && install -d -o recuerda -g recuerda /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 RECUERDA_DATA_DIR=/data RECUERDA_HOST=0.0.0.0
USER recuerda
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=20s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=3)"]
CMD ["recuerda", "serve"]
