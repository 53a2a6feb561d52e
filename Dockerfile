# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE suicha.py ./
COPY bot bot
COPY handlers handlers
COPY scheduler scheduler
COPY templates templates
RUN python -m venv /opt/suicha && /opt/suicha/bin/pip install --no-cache-dir .

FROM python:3.12-slim
# Chinese fonts for record sheets whose text leaves the font that comes with suicha
RUN apt-get update \
 && apt-get install -y --no-install-recommends fonts-noto-cjk tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin suicha \
 && install -d -o suicha -g suicha -m 0750 /data
COPY --from=build /opt/suicha /opt/suicha
ENV PATH=/opt/suicha/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SUICHA_HOST=0.0.0.0 \
    SUICHA_PORT=8080 \
    SUICHA_DATA_DIR=/data/files \
    SUICHA_DATABASE_URL=sqlite:////data/suicha.db
USER suicha
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['SUICHA_PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["suicha"]
CMD ["serve"]
