//! One attempt to open a tunnel, which can be given up with all that it has started.

use std::pin::Pin;
use std::time::Duration;

use adit_aws::{Aws, StartSession};
use adit_tunnel::{Tunnel, TunnelEvent, TunnelOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::commands::open;
use crate::commands::report::Report;
use crate::commands::watch::Ending;
use crate::failure::Failure;
use crate::journal::Notes;
use crate::signals::Signals;
use crate::source::Anew;

/// How long an attempt that is given up has to give its session back: what the tunnel itself takes
/// for its end at most, and a little more.
const GIVE_BACK: Duration = Duration::from_secs(10);

type Opening = Pin<Box<dyn Future<Output = Result<(Tunnel, Aws), Failure>> + Send>>;

/// A tunnel that is being opened.
pub(super) struct Attempt {
    opening: Option<Opening>,
    /// What the session was started with, once it was.
    pub(super) aws: Option<Aws>,
    pub(super) events: UnboundedReceiver<TunnelEvent>,
    pub(super) report: Report,
}

impl Attempt {
    /// An attempt that begins when it is waited for, and waits for `aws` first. With `scope`, the
    /// session is started with credentials that permit nothing else.
    pub(super) fn new(
        aws: impl Future<Output = Result<Aws, Failure>> + Send + 'static,
        scope: bool,
        request: StartSession,
        anew: impl FnOnce(Aws) -> Option<Anew> + Send + 'static,
        options: TunnelOptions,
        report: Report,
        notes: Notes,
    ) -> Self {
        let (sender, events) = unbounded_channel();
        let opening = async move {
            let mut aws = aws.await?;
            notes.sweep(&aws);
            let anew = anew(aws.clone());
            if scope {
                aws = aws.scoped(&request).await?;
            }
            let tunnel = open::tunnel(aws.clone(), request, anew, options, sender, notes).await?;
            Ok((tunnel, aws))
        };
        let report = report.undecided();
        Self { opening: Some(Box::pin(opening)), aws: None, events, report }
    }

    /// Waits for the tunnel, reporting what happens on the way; may be dropped and called again.
    pub(super) async fn open(&mut self) -> Result<Tunnel, Failure> {
        let Some(opening) = &mut self.opening else { return std::future::pending().await };
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.report.event(&event),
                opened = &mut *opening => {
                    while let Ok(event) = self.events.try_recv() {
                        self.report.event(&event);
                    }
                    self.opening = None;
                    let (tunnel, aws) = opened?;
                    self.report.carries();
                    self.aws = Some(aws);
                    return Ok(tunnel);
                }
            }
        }
    }

    /// Breaks it off. A session that was started is given back, whatever it was that came between.
    pub(super) async fn give_up(&mut self) {
        self.opening = None;
        let drained = async {
            while let Some(event) = self.events.recv().await {
                self.report.event(&event);
            }
        };
        if timeout(GIVE_BACK, drained).await.is_err() {
            tracing::debug!("a session that was given up may live on");
        }
    }

    /// The same because another one is made in its place.
    pub(super) async fn replace(
        &mut self,
        cause: &str,
        signals: &mut Signals,
    ) -> Result<(), Ending> {
        self.report.replace(cause);
        self.make_way(signals).await
    }

    /// The same because it has come to nothing, and is tried again.
    pub(super) async fn retry(&mut self, cause: &str, signals: &mut Signals) -> Result<(), Ending> {
        self.report.retry(cause);
        self.make_way(signals).await
    }

    async fn make_way(&mut self, signals: &mut Signals) -> Result<(), Ending> {
        let stop = tokio::select! {
            () = self.give_up() => return Ok(()),
            stop = signals.next() => stop,
        };
        // The session may live: it is given back all the same, as at any other end.
        let ending = Ok(stop);
        self.end(&ending, signals).await;
        Err(ending)
    }

    /// The same because the command ends; a second request to stop does not wait for it. Where it
    /// was asked to stop, the end of the events is the command's to tell.
    pub(super) async fn end(&mut self, ending: &Ending, signals: &mut Signals) {
        tokio::select! {
            () = self.give_up() => {}
            () = signals.urgent() => {}
        }
        if ending.is_err() {
            self.report.decide();
        }
    }
}
