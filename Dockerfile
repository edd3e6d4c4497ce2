# syntax=docker/dockerfile:1
# Two images of the same binary, neither of which runs as root:
#
#   docker build --tag modelgate .                 without a shell: docker run --rm -v "$PWD:/work:ro" modelgate check …
#   docker build --target ci --tag modelgate:ci .  with a shell, as runners of GitLab and Jenkins need one

FROM rust:1.95-slim-trixie AS build
WORKDIR /source
COPY . .
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
RUN cargo build --release --locked --bin modelgate

FROM debian:trixie-slim AS git
# The program asks git for the commit; nothing of it but the program itself is needed for that.
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
RUN mkdir -p /git/usr/bin /git/usr/lib && cp /usr/bin/git /git/usr/bin/ && \
    cp --dereference --parents /usr/lib/*-linux-gnu/libpcre2-8.so.0 /usr/lib/*-linux-gnu/libz.so.1 /git/

FROM debian:trixie-slim AS ci
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates git && rm -rf /var/lib/apt/lists/* && \
    useradd --uid 65532 --create-home modelgate
# The checkout is the runner's, who is somebody else: git would not look at it.
ENV GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*
COPY --from=build /source/target/release/modelgate /usr/local/bin/modelgate
USER 65532:65532
CMD ["modelgate", "--help"]

FROM gcr.io/distroless/cc-debian13:nonroot AS modelgate
COPY --from=git /git/ /
COPY --from=build /source/target/release/modelgate /usr/local/bin/modelgate
ENV GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*
WORKDIR /work
USER nonroot:nonroot
ENTRYPOINT ["/usr/local/bin/modelgate"]
CMD ["--help"]
