# nightshift's worker and command line. Agents that are programs need their own tools: build FROM this image.
FROM node:24.21.0-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Compiles better-sqlite3 where no binary of it can be downloaded; the whole image has a compiler.
RUN npm ci --ignore-scripts --no-audit --no-fund && npm rebuild better-sqlite3 protobufjs @swc/core
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/schema ./schema
COPY --from=build /app/completions ./completions
RUN ln -s /app/dist/cli/main.js /usr/local/bin/nightshift \
  && chmod +x dist/cli/main.js \
  && install -d -o node -g node -m 0700 /state /state/home \
  && install -d -o node -g node /batches
USER node
# Agents keep what they know of their sessions in HOME, which has to outlive the container.
ENV NODE_ENV=production NIGHTSHIFT_STATE=/state HOME=/state/home
WORKDIR /batches
VOLUME /state
ENTRYPOINT ["nightshift"]
CMD ["worker"]
