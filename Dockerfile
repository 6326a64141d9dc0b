# The image of web, worker and migrate: two stages, so that it holds no compiler and no package cache.

FROM python:3.11.16-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt requirements-roads.txt /tmp/
# Only what stands above the test suite's section is asked for; the whole file holds the versions of what that pulls in.
RUN sed '/^# --- The test suite ---$/,$d' /tmp/requirements.txt > /tmp/product.txt \
    && sed 's/\[[^]]*\]//' /tmp/requirements.txt > /tmp/versions.txt \
    && /venv/bin/pip install -r /tmp/product.txt -r /tmp/requirements-roads.txt -c /tmp/versions.txt

FROM python:3.11.16-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# pg_dump and pg_restore of the compose file's PostgreSQL, for manage.py backup and restore.
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client-15 && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 dashmap \
    && useradd --system --uid 10001 --gid dashmap --home-dir /app --shell /usr/sbin/nologin dashmap \
    && mkdir -p /app /data/media /data/backups /data/roads \
    && chown -R dashmap:dashmap /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
ENV MEDIA_ROOT=/data/media
USER dashmap
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "depannini_dashmap.operations.healthcheck", "http://127.0.0.1:8000/readyz"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
