# One image for every process of the site; compose.yaml says which is which.
FROM python:3.11.16-slim-bookworm AS packages
WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements.txt ./
RUN /app/.venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.11.16-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 fontconfig fonts-noto-cjk fonts-arphic-ukai \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /home/site site \
    && install -d -o site -g site /var/lib/site /var/lib/site/media /var/lib/site/journal
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VAR_DIR=/var/lib/site \
    FONTS_DIR=/app/fonts \
    BIND=0.0.0.0:8000
WORKDIR /app
COPY --from=packages /app/.venv /app/.venv
COPY . .
# The PDF's fonts and the hashed static files are the same in every container. The key is for this
# line alone: nothing is signed with it, and it stays in no layer.
RUN python -m briefings.press.fonts /app/fonts \
    && STATIC_DIR=/app/static-files SECRET_KEY=unused ALLOWED_HOSTS=localhost SITE_URL=https://localhost \
        DATABASE_URL=sqlite:///unused CELERY_BROKER_URL=redis://unused EMAIL_URL=smtp://unused \
        python manage.py collectstatic --noinput
ENV STATIC_DIR=/app/static-files
# By number, so that an orchestrator sees that it is not root.
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-m", "cma_site.ask_alive"]
CMD ["gunicorn", "-c", "deploy/gunicorn.conf.py", "cma_site.wsgi"]
