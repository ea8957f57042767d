//! The arguments of `adit lab`.

use std::net::SocketAddr;
use std::path::PathBuf;

use adit_lab::HostPort;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use super::values::{parse_map, parse_millis_range};

/// What the local AWS looks like.
#[derive(Debug, Args)]
#[command(after_help = "Example, in two terminals:
  adit lab --map db.internal:5432=127.0.0.1:5432
  adit connect --bastion i-0ad17000000000001 --host db.internal --port 5432 --local-port auto
      The second one after its environment got the lines that the first one printed.

Faults: POST http://127.0.0.1:PORT/_lab/faults, such as {\"cut\":\"client\"}; docs/reference.md has
them all. State: GET /_lab/state.")]
pub(crate) struct LabArgs {
    /// Where to listen; loopback only, port 0 takes one that is free
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:0",
        env = "ADIT_LAB_LISTEN",
        hide_env_values = true
    )]
    pub(crate) listen: SocketAddr,

    /// Listen with TLS too, with a certificate made for this run
    #[arg(long, value_name = "ADDR", env = "ADIT_LAB_TLS_LISTEN", hide_env_values = true)]
    pub(crate) tls_listen: Option<SocketAddr>,

    /// Where to write the certificate to trust, for --ca-bundle or AWS_CA_BUNDLE
    #[arg(long, value_name = "FILE", env = "ADIT_LAB_CA_OUT", hide_env_values = true)]
    pub(crate) ca_out: Option<PathBuf>,

    /// A name for the TLS listener, in its certificate and in the URLs that it gives
    #[arg(long, value_name = "NAME", env = "ADIT_LAB_TLS_NAME", hide_env_values = true)]
    pub(crate) tls_name: Option<String>,

    /// Write endpoints, keys and instances to FILE as JSON when all of it works
    #[arg(long, value_name = "FILE", env = "ADIT_LAB_READY_FILE", hide_env_values = true)]
    pub(crate) ready_file: Option<PathBuf>,

    /// An instance that is online, in place of i-0ad17000000000001; may be repeated
    #[arg(
        long,
        value_name = "ID",
        env = "ADIT_LAB_INSTANCE",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) instance: Vec<String>,

    /// Start without an instance
    #[arg(long, env = "ADIT_LAB_EMPTY", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) empty: bool,

    /// A host and port that the bastions reach at another address; may be repeated
    #[arg(long, value_name = "HOST:PORT=ADDR", env = "ADIT_LAB_MAP", hide_env_values = true,
          value_delimiter = ',', value_parser = parse_map)]
    pub(crate) map: Vec<(HostPort, SocketAddr)>,

    /// How fast the bastions read: `official` is at most 1,024 bytes each 1.1 ms
    #[arg(
        long,
        value_name = "PACE",
        default_value = "official",
        env = "ADIT_LAB_PACE",
        hide_env_values = true
    )]
    pub(crate) pace: PaceArg,

    /// How long each message takes one way, in milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        env = "ADIT_LAB_LATENCY",
        hide_env_values = true
    )]
    pub(crate) latency: u64,

    /// Take calls with any signature, or none
    #[arg(long, env = "ADIT_LAB_NO_SIGV4", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) no_sigv4: bool,

    /// Lose what is under way to a side that goes away, instead of keeping it
    #[arg(long, env = "ADIT_LAB_LOSSY_RESUME", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) lossy_resume: bool,

    /// Where chance starts, to repeat a run
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        env = "ADIT_LAB_SEED",
        hide_env_values = true
    )]
    pub(crate) seed: u64,

    /// The version that the agents say they have
    #[arg(long, value_name = "VERSION", hide = true, env = "ADIT_LAB_AGENT_VERSION")]
    pub(crate) agent_version: Option<String>,

    /// How long the agents need until they take the first data, in milliseconds
    #[arg(long, value_name = "A-B", hide = true, env = "ADIT_LAB_HANDLER_DELAY_MS",
          value_parser = parse_millis_range)]
    pub(crate) handler_delay_ms: Option<[u64; 2]>,

    /// Answer ResumeSession without a token
    #[arg(long, hide = true, env = "ADIT_LAB_NO_RESUME",
          value_parser = FalseyValueParser::new())]
    pub(crate) no_resume: bool,
}

/// How fast the bastions read their destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PaceArg {
    /// As the official agent.
    Official,
    /// Without a pause.
    Off,
}
