//! A tunnel by `aws-ssm-bridge`, driven as its own example drives it.
//!
//! Prints the address that it listens on, then forwards until the session ends or it is told to
//! stop.

use std::error::Error;
use std::sync::Arc;

use aws_ssm_bridge::documents::PortForwardingToRemoteHost;
use aws_ssm_bridge::{
    EndpointPolicy, PortForwardConfig, PortForwarder, SessionBuilder, ShutdownSignal,
    install_signal_handlers,
};
use clap::Parser;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    bastion: String,
    #[arg(long)]
    host: String,
    #[arg(long)]
    port: u16,
    /// Bytes per message; the library's own default without it.
    #[arg(long)]
    payload: Option<usize>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let shutdown = ShutdownSignal::new();
    install_signal_handlers(shutdown.clone());
    let mut builder = SessionBuilder::new(&args.bastion)
        .document(PortForwardingToRemoteHost::new(&args.host, args.port))
        // Its default refuses every gateway but those of AWS.
        .endpoint_policy(EndpointPolicy::AllowAny);
    if let Some(payload) = args.payload {
        builder = builder.payload_chunk_size(payload);
    }
    let session = Arc::new(builder.start().await?);
    let forwarder = PortForwarder::bind(PortForwardConfig::default()).await?;
    println!("listening on {}", forwarder.local_addr());
    forwarder.forward(Arc::clone(&session), shutdown).await?;
    session.terminate().await?;
    Ok(())
}
