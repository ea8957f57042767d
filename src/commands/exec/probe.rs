//! Whether the targets themselves answer, through their tunnels.

use std::io;
use std::time::Duration;

use adit_aws::targets::Kind as TargetKind;
use backon::{ConstantBuilder, Retryable as _};
use futures_util::future::try_join_all;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::environment::Family;
use crate::commands::tunnels::Standing;
use crate::failure::{Failure, Kind};
use crate::ui::Printer;

/// How often a target is asked that does not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one answer may take.
pub(in crate::commands) const ANSWER: Duration = Duration::from_secs(10);
/// How long a connection to something that waits for its client to speak has to stay open to count
/// as an answer: a refused one is closed as soon as the bastion hears of it.
const QUIET: Duration = Duration::from_secs(1);

/// PostgreSQL's request for TLS, which every server answers with one byte before anybody is known.
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>, `SSLRequest`
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Waits until every target answers, each for `patience` at most.
pub(in crate::commands) async fn answers(
    standings: &[Standing],
    kinds: &[Option<TargetKind>],
    patience: Duration,
    printer: Printer,
) -> Result<(), Failure> {
    let waits = standings.iter().zip(kinds).map(|(standing, kind)| async move {
        let family = Family::of(*kind, standing.engine.as_deref());
        let ask = || async { timeout(ANSWER, ask(standing, family)).await? };
        let pauses = ConstantBuilder::default().with_delay(PAUSE).without_max_times();
        let mut told = false;
        let asked = ask.retry(pauses).notify(|error: &io::Error, _| {
            if !std::mem::replace(&mut told, true) {
                printer.note(&format!("{} does not answer yet: {error}", standing.connection));
            }
        });
        match timeout(patience, asked).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(silent(standing, patience, &error.to_string())),
            Err(_) => Err(silent(standing, patience, "no answer")),
        }
    });
    try_join_all(waits).await.map(|_| ())
}

fn silent(standing: &Standing, patience: Duration, why: &str) -> Failure {
    let seconds = patience.as_secs();
    let message = format!("{} did not answer within {seconds} s: {why}", standing.target);
    Failure::new(Kind::Destination, message)
        .hint("is it up, and does a rule of its security group let the bastion in? `adit init` sees to that")
}

/// How long a new connection takes until the first byte of an answer.
pub(in crate::commands) async fn first_byte(
    address: &str,
    family: Family,
    patience: Duration,
) -> io::Result<Duration> {
    let begun = Instant::now();
    let asked = async { answer(dial(address).await?, Some(family)).await };
    timeout(patience, asked).await??;
    Ok(begun.elapsed())
}

/// A connection that is broken off when it is dropped: one that only ends may still want to read, so
/// its tunnel would keep it for the other side, and have the next one go over another session.
async fn dial(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_zero_linger()?;
    Ok(stream)
}

/// Asks once.
async fn ask(standing: &Standing, family: Option<Family>) -> io::Result<()> {
    let address = standing.address.as_deref().ok_or(io::ErrorKind::AddrNotAvailable)?;
    #[cfg(unix)]
    if address.contains('/') {
        return answer(tokio::net::UnixStream::connect(address).await?, family).await;
    }
    // What listens everywhere is reached here: the address means this machine.
    match answer(dial(address).await?, family).await {
        // It may want TLS from the first byte: then it closes at a word in the clear, and stays
        // open without one.
        Err(_) if family == Some(Family::Redis) => answer(dial(address).await?, None).await,
        answered => answered,
    }
}

/// Whether there is a server of that family at the other end; any that stays, where it is of none.
async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    family: Option<Family>,
) -> io::Result<()> {
    let mut first = [0; 1];
    let request: &[u8] = match family {
        Some(Family::Postgres) => &SSL_REQUEST,
        Some(Family::Redis) => b"PING\r\n",
        // It speaks first.
        Some(Family::MySql) => b"",
        None => {
            return match timeout(QUIET, stream.read(&mut first)).await {
                Ok(Ok(0)) => Err(io::ErrorKind::ConnectionRefused.into()),
                Ok(Err(error)) => Err(error),
                Ok(Ok(_)) | Err(_) => Ok(()),
            };
        }
    };
    stream.write_all(request).await?;
    match stream.read(&mut first).await? {
        0 => Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the connection was closed")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn a_server_is_known_by_its_first_byte() {
        let (near, mut far) = duplex(64);
        let server = async {
            let mut request = [0; 8];
            far.read_exact(&mut request).await.unwrap();
            far.write_all(b"S").await.unwrap();
            request
        };
        let (answered, request) = tokio::join!(answer(near, Some(Family::Postgres)), server);
        answered.unwrap();
        assert_eq!(request, SSL_REQUEST);

        let (near, far) = duplex(64);
        drop(far);
        assert!(answer(near, Some(Family::MySql)).await.is_err());
    }

    #[tokio::test]
    async fn one_that_says_nothing_is_there_if_it_stays() {
        let (near, _far) = duplex(64);
        answer(near, None).await.unwrap();
        let (near, far) = duplex(64);
        drop(far);
        assert!(answer(near, None).await.is_err());
    }
}
