//! The steps of the story that use the tunnel. Each fails unless it goes as told.

use std::io;
use std::time::{Duration, Instant};

use adit_lab::{Lab, Sides};
use adit_tunnel::{Tunnel, TunnelEvent};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};

use super::fetch::{self, Answer};
use super::noise;
use super::probe::{self, Probe};
use super::service::PAGE;
use super::story::Story;
use crate::failure::{Failure, Kind};
use crate::ui::{size, span};

/// The download for the speed: long enough to show the agent's pace, under a second at it.
const SPEED_BYTES: usize = 512 * 1024;
/// The download that is cut: some three seconds at the agent's pace.
const CUT_BYTES: usize = 2 * 1024 * 1024;
/// How far that download has come when it is cut.
const CUT_AT: usize = CUT_BYTES / 3;
/// How many small requests the latency is taken from.
const PINGS: usize = 5;
/// How long one step may take. The agent's pace is 0.8 MB/s, so something is wrong by then.
const STEP_LIMIT: Duration = Duration::from_mins(1);
/// How long the news that the session was resumed may lag behind the bytes that prove it.
const NEWS_LAG: Duration = Duration::from_secs(5);

/// Uses the demo's own service, then cuts the tunnel's connection under a download.
pub(crate) async fn use_and_cut(
    story: &mut Story,
    address: &str,
    lab: &Lab,
    news: &mut UnboundedReceiver<TunnelEvent>,
) -> Result<(), Failure> {
    page(story, address).await?;
    speed(story, address).await?;
    cut(story, address, lab, news).await
}

/// Connects to the user's own service.
pub(crate) async fn reach(
    story: &mut Story,
    address: &str,
    news: &mut UnboundedReceiver<TunnelEvent>,
) -> Result<(), Failure> {
    let probe = within("the connection through the tunnel", probe::connect(address, news)).await?;
    let line = match probe {
        Probe::Spoke(bytes) => format!("connected; it spoke first, {bytes} bytes"),
        Probe::Waits => "connected; it waits for its client to speak".to_owned(),
        Probe::Refused => {
            return Err(Failure::new(Kind::Destination, "the service refused the connection")
                .hint("start it, and check the address given with --target"));
        }
    };
    story.step("Your service is reached through the tunnel", &[line])
}

async fn page(story: &mut Story, address: &str) -> Result<(), Failure> {
    let (answer, took) = download(address, "/", PAGE.len(), |_| ()).await?;
    let bytes = answer.len;
    story.step(
        "A page is fetched through it",
        &[format!("GET http://{address}/: status 200, {bytes} bytes in {}", span(took))],
    )
}

async fn speed(story: &mut Story, address: &str) -> Result<(), Failure> {
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        times.push(download(address, "/download/1", 1, |_| ()).await?.1);
    }
    times.sort_unstable();
    let path = format!("/download/{SPEED_BYTES}");
    let (answer, took) = download(address, &path, SPEED_BYTES, |_| ()).await?;
    same(&answer, SPEED_BYTES)?;
    let rate = SPEED_BYTES as f64 / 1e6 / took.as_secs_f64();
    story.step(
        "It is measured",
        &[
            format!("a new connection with a small answer takes {}", span(times[PINGS / 2])),
            format!(
                "{} in {}, {rate:.1} MB/s: the agent's own pace",
                size(SPEED_BYTES as u64),
                span(took)
            ),
        ],
    )
}

async fn cut(
    story: &mut Story,
    address: &str,
    lab: &Lab,
    news: &mut UnboundedReceiver<TunnelEvent>,
) -> Result<(), Failure> {
    let faults = lab.faults();
    let mut cut_at = None;
    let path = format!("/download/{CUT_BYTES}");
    let downloaded = download(address, &path, CUT_BYTES, |len| {
        if cut_at.is_none() && len >= CUT_AT {
            cut_at = Some(len);
            faults.cut(Sides::Client, None);
        }
    })
    .await;
    let gap = timeout(NEWS_LAG, resumed(news)).await.ok().flatten();
    // A session that is gone breaks the download off, and is the reason.
    if let Some(Err(cause)) = gap {
        return Err(Failure::new(Kind::Service, cause));
    }
    let (answer, _) = downloaded?;
    same(&answer, CUT_BYTES)?;
    let cut_at = cut_at.unwrap_or_default();
    let gap = gap.and_then(Result::ok).ok_or_else(|| {
        Failure::new(Kind::Internal, "the download came whole, but no cut was noticed")
    })?;
    story.step(
        "Its connection is cut in the middle of a download, and resumed",
        &[
            format!(
                "cut after {} of {}, back after {}",
                size(cut_at as u64),
                size(CUT_BYTES as u64),
                span(gap)
            ),
            format!(
                "the download went on and came whole: {} bytes, SHA-256 {}… as sent",
                answer.len,
                short(answer.sha256)
            ),
        ],
    )
}

/// Tells the end, when nothing is left behind.
pub(crate) async fn end(story: &mut Story, lab: &Lab, tunnel: &Tunnel) -> Result<(), Failure> {
    let session = tunnel.session_id().unwrap_or_default();
    // The gateway notices the closed websocket a moment after this end has closed it.
    let left = async {
        while !is_over(lab, &session) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(NEWS_LAG, left).await.map_err(|_| {
        let message = "the session was not terminated when the tunnel was closed";
        Failure::new(Kind::Internal, message)
    })?;
    story.step("It is closed", &["the session is terminated and nothing left open".to_owned()])
}

fn is_over(lab: &Lab, session_id: &str) -> bool {
    let state = lab.state();
    let terminated = state.session(session_id).is_some_and(|one| one.state == "Terminated");
    terminated && state.data_websockets_open == 0
}

/// Gets a path that must answer with so many bytes.
async fn download(
    address: &str,
    path: &str,
    len: usize,
    progress: impl FnMut(usize),
) -> Result<(Answer, Duration), Failure> {
    let what = format!("GET {path} through the tunnel");
    let began = Instant::now();
    let answer = within(&what, fetch::get(address, path, progress)).await?;
    if !answer.is_whole() || answer.len != len {
        let Answer { status, len: came, .. } = answer;
        let message = format!("{what} gave status {status} and {came} of {len} bytes");
        return Err(Failure::new(Kind::Internal, message));
    }
    Ok((answer, began.elapsed()))
}

/// Compares what came with what the service sends.
fn same(answer: &Answer, len: usize) -> Result<(), Failure> {
    if answer.sha256 == noise::digest(len) {
        Ok(())
    } else {
        Err(Failure::new(Kind::Internal, format!("{len} bytes came, but not those that were sent")))
    }
}

async fn within<T>(what: &str, work: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    let failed =
        |why: &dyn std::fmt::Display| Failure::new(Kind::Internal, format!("{what} failed: {why}"));
    match timeout(STEP_LIMIT, work).await {
        Ok(done) => done.map_err(|error| failed(&error)),
        Err(_) => Err(failed(&format_args!("no end after {}", span(STEP_LIMIT)))),
    }
}

/// The time that the tunnel was without its connection, once it is back; else why it is not.
async fn resumed(news: &mut UnboundedReceiver<TunnelEvent>) -> Option<Result<Duration, String>> {
    loop {
        match news.recv().await? {
            TunnelEvent::Resumed { gap, .. } => return Some(Ok(gap)),
            // Another session would serve as well, and is not what is shown.
            TunnelEvent::Replacing { cause, .. } | TunnelEvent::Dormant { cause, .. } => {
                return Some(Err(cause));
            }
            _ => {}
        }
    }
}

/// The beginning of a digest, enough to compare by eye.
fn short([a, b, c, d, ..]: [u8; 32]) -> String {
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_short() {
        assert_eq!(short([1; 32]), "01010101");
    }
}
