# syntax=docker/dockerfile:1

# The one binary, in an image that holds nothing else: no shell, no package manager, no root.
FROM golang:1.26-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libcap2-bin && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/cache \
    GOCACHE=/cache CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/conclave ./cmd/conclave
# Port 443 without root: the one capability that needs is on the file. (So `no-new-privileges` must stay off: it would
# void it. The compose files drop every other capability instead.)
RUN setcap cap_net_bind_service=+ep /out/conclave && mkdir -p /out/state

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/conclave /usr/local/bin/conclave
# Certificates, and the log of an audited deployment, are kept here: meetings live in memory only.
COPY --from=build --chown=nonroot:nonroot /out/state /var/lib/conclave
VOLUME /var/lib/conclave
EXPOSE 443/tcp 443/udp 80/tcp
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["/usr/local/bin/conclave", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/conclave"]
CMD ["serve"]
