//! Sessions for a tunnel, from AWS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_aws::{
    Aws, AwsError, AwsErrorKind, Session, SessionApi, StartSession, sign_websocket_upgrade,
};
use adit_tunnel::{Fatal, FatalKind, Resumption, Secret, SessionSource, SourceError, Ticket};
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue};

use crate::failure::{Failure, Kind, kind_of_aws};

/// Finds out how a session is started in the place of one that is gone: the target may have moved,
/// the bastion been stopped or replaced. Told is whether the bastion that was found last was not
/// connected.
pub(crate) type Anew =
    Box<dyn Fn(bool) -> BoxFuture<'static, Result<StartSession, Failure>> + Send + Sync>;

/// After an error of the service a session may have been started all the same, of which nobody knows:
/// what repeats the call leaves some time, so that these are few.
const AFTER_AN_ERROR: Duration = Duration::from_secs(5);

/// Starts sessions to one target.
pub(crate) struct AwsSource {
    aws: Aws,
    api: SessionApi,
    /// The next session.
    request: Mutex<StartSession>,
    /// Finds out about those after the first; there may be nothing to find out.
    anew: Option<Anew>,
    has_started: AtomicBool,
    was_offline: AtomicBool,
}

impl AwsSource {
    pub(crate) fn new(aws: Aws, request: StartSession, anew: Option<Anew>) -> Self {
        Self {
            api: SessionApi::new(&aws),
            aws,
            request: Mutex::new(request),
            anew,
            has_started: AtomicBool::new(false),
            was_offline: AtomicBool::new(false),
        }
    }

    fn request(&self) -> MutexGuard<'_, StartSession> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why it is not known how to start a session. What only whoever opens a tunnel could mend is told
/// there and then; here it may mend itself, as where a bastion is being replaced.
fn not_found(failure: Failure) -> SourceError {
    let Failure { kind, message, hints } = failure;
    let kind = match kind {
        // Nobody is there to be asked for a code.
        Kind::Credentials | Kind::Expired | Kind::Input => FatalKind::Credentials,
        Kind::Permission => FatalKind::Permission,
        Kind::Target => FatalKind::Target,
        Kind::Bastion | Kind::Offline => FatalKind::Offline,
        Kind::Config => FatalKind::Config,
        Kind::Service | Kind::Lost => return SourceError::Retry { after: None, message },
        _ => FatalKind::Internal,
    };
    Fatal { kind, message, hints }.into()
}

impl SessionSource for AwsSource {
    async fn prepare(&self) -> Result<(), SourceError> {
        if let Some(anew) = &self.anew {
            let was_offline = self.was_offline.load(Ordering::Relaxed);
            let request = anew(was_offline).await.map_err(not_found)?;
            *self.request() = request;
        }
        Ok(())
    }

    fn likely_gateway(&self) -> Option<String> {
        self.aws.likely_gateway()
    }

    async fn start(&self) -> Result<Ticket, SourceError> {
        let request = self.request().clone();
        let error = match self.api.start_session(request).await {
            Ok(session) => {
                self.has_started.store(true, Ordering::Relaxed);
                self.was_offline.store(false, Ordering::Relaxed);
                return Ok(ticket(session));
            }
            Err(error) => error,
        };
        let is_offline = error.kind == AwsErrorKind::TargetNotConnected;
        self.was_offline.store(is_offline, Ordering::Relaxed);
        if self.has_started.load(Ordering::Relaxed) {
            let has_failed = matches!(error.kind, AwsErrorKind::Service { .. });
            return Err(match later(error) {
                SourceError::Retry { after, message } if has_failed => {
                    let after = after.unwrap_or_default().max(AFTER_AN_ERROR);
                    SourceError::Retry { after: Some(after), message }
                }
                error => error,
            });
        }
        // A gateway that cannot be reached is told at once: whoever waits for a first session sits in
        // front of it. Throttling passes by itself.
        Err(match error.kind {
            AwsErrorKind::Throttled => retry(error),
            _ => fatal(error).into(),
        })
    }

    async fn start_beside(&self) -> Result<Ticket, SourceError> {
        let request = self.request().clone();
        self.api.try_start_session(request).await.map(ticket).map_err(later)
    }

    async fn resume(&self, session_id: &str) -> Result<Resumption, SourceError> {
        match self.api.resume_session(session_id).await {
            Ok(Some(session)) => Ok(Resumption::Resumed(ticket(session))),
            Ok(None) => Ok(Resumption::Over),
            Err(error) => Err(later(error)),
        }
    }

    async fn terminate(&self, session_id: &str) -> Result<(), SourceError> {
        self.api.terminate_session(session_id).await.map_err(later)
    }

    async fn sign_upgrade(
        &self,
        url: &str,
    ) -> Result<Option<Vec<(HeaderName, HeaderValue)>>, SourceError> {
        let now = self.aws.clock().now();
        sign_websocket_upgrade(&self.aws, url, now).await.map_err(later)
    }
}

fn ticket(session: Session) -> Ticket {
    Ticket {
        session_id: session.session_id,
        stream_url: session.stream_url,
        token: Secret::new(session.token.to_string()),
    }
}

/// What an error means once there is a tunnel: most of what lasts for whoever opens one passes here, as
/// a network that wants a login first.
fn later(error: AwsError) -> SourceError {
    match error.kind {
        AwsErrorKind::NoCredentials
        | AwsErrorKind::ExpiredCredentials
        | AwsErrorKind::SignInNeeded { .. }
        | AwsErrorKind::CodeNeeded
        | AwsErrorKind::CodeFailed
        | AwsErrorKind::Cancelled
        | AwsErrorKind::PolicyRefused
        | AwsErrorKind::UnknownProfile
        | AwsErrorKind::AccessDenied
        | AwsErrorKind::TargetNotConnected
        | AwsErrorKind::InvalidTarget
        | AwsErrorKind::TargetNotFound
        | AwsErrorKind::TargetAmbiguous
        | AwsErrorKind::TargetUnusable
        | AwsErrorKind::NoRegion
        | AwsErrorKind::Config
        | AwsErrorKind::Internal
            if !error.is_transient() =>
        {
            fatal(error).into()
        }
        _ => retry(error),
    }
}

fn retry(error: AwsError) -> SourceError {
    SourceError::Retry { after: error.retry_after, message: error.message }
}

fn fatal(error: AwsError) -> Fatal {
    Fatal { kind: kind_of_aws(&error.kind), message: error.message, hints: error.hints }
}
