# docker build -t recsys .
# docker run --rm --init -v "$PWD/results:/recsys/results" recsys baseline
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run prepare && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:20-slim
ENV NODE_ENV=production
COPY --from=build /app/package.json /app/LICENSE /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY --from=build /app/data /app/data
RUN mkdir -p /recsys/results /recsys/models && chown -R node:node /recsys && ln -s /app/dist/cli.js /usr/local/bin/recsys
USER node
WORKDIR /recsys
VOLUME ["/recsys/results", "/recsys/models"]
EXPOSE 8377
ENTRYPOINT ["recsys"]
CMD ["baseline"]
