# One entry point for people and for continuous integration: `just --list`.

set shell := ["bash", "-euo", "pipefail", "-c"]

_default:
    @just --list

# Formatting, and a type check of everything.
check:
    cargo fmt --all --check
    cargo check --workspace --all-targets --locked

# All tests; `just test -p adit-wire` runs those of one crate.
test *args="--workspace":
    cargo nextest run --locked {{ args }}
    cargo test --doc --locked {{ args }}

# Clippy without warnings, and documentation without broken links.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

# Licences, sources and banned crates; see deny.toml.
deny:
    cargo deny --locked check bans licenses sources

# The whole story on this machine: a local AWS, a tunnel, a cut, a resume.
demo *args:
    cargo run --locked -- demo {{ args }}

# The engine in simulated worlds, one for each seed: `just sim --seeds 0..100000 --steps 2000`.
sim *args:
    cargo run --release --locked -p adit-sim -- {{ args }}

# The local AWS by itself.
lab *args:
    cargo run --locked -- lab {{ args }}

# adit beside an independent client, both through the lab; docs/benchmarks.md says how to read it.
bench *args:
    cargo build --release --locked
    cargo build --release --locked --manifest-path tests/peers/Cargo.toml
    cargo run --release --locked --manifest-path tests/peers/Cargo.toml --bin bench -- {{ args }}

# What must pass before a change is merged.
ci: check lint test deny
