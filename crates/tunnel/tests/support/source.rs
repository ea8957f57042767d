//! A source of sessions that answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use adit_tunnel::{Fatal, FatalKind, Resumption, Secret, SessionSource, SourceError, Ticket};
use http::{HeaderName, HeaderValue};
use tokio::sync::Semaphore;

/// The first session's id; those that follow have a number behind it.
pub const SESSION: &str = "s-0123";

/// What the next call of `resume` answers; without any, a fresh ticket.
#[derive(Clone, Debug)]
pub enum Answer {
    Over,
    Retry,
    Fatal,
    Denied,
}

#[derive(Default)]
struct State {
    url: String,
    starts: VecDeque<SourceError>,
    answers: VecDeque<Answer>,
    always: Option<Answer>,
    signs: bool,
    /// Holds the answers of `start` and the signatures back.
    gate: Option<Arc<Semaphore>>,
    started: usize,
    resumed: usize,
    terminated: Vec<String>,
}

/// A source whose clones are one.
#[derive(Clone)]
pub struct FakeSource(Arc<Mutex<State>>);

impl FakeSource {
    pub fn new(url: String) -> Self {
        Self(Arc::new(Mutex::new(State { url, ..State::default() })))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no panic")
    }

    /// The next calls of `start` fail so.
    pub fn start_fails(&self, errors: impl IntoIterator<Item = SourceError>) {
        self.state().starts.extend(errors);
    }

    pub fn resume_answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state().answers.extend(answers);
    }

    pub fn resume_always(&self, answer: Answer) {
        self.state().always = Some(answer);
    }

    /// Holds back what is asked for from now on, until [`release`](Self::release).
    pub fn hold(&self) {
        self.state().gate = Some(Arc::new(Semaphore::new(0)));
    }

    /// Gives what was held back, and all that is asked for later.
    pub fn release(&self) {
        let gate = self.state().gate.take().expect("something is held back");
        gate.close();
    }

    async fn gate(&self) {
        let gate = self.state().gate.clone();
        if let Some(gate) = gate {
            gate.acquire().await.expect_err("it is only ever closed");
        }
    }

    /// Signs upgrades.
    pub fn sign(&self) {
        self.state().signs = true;
    }

    pub fn started(&self) -> usize {
        self.state().started
    }

    pub fn resumed(&self) -> usize {
        self.state().resumed
    }

    pub fn terminated(&self) -> Vec<String> {
        self.state().terminated.clone()
    }
}

fn ticket(state: &State) -> Ticket {
    let session_id = session(state.started);
    Ticket {
        stream_url: state.url.replace(SESSION, &session_id),
        session_id,
        token: Secret::new(format!("token-{}-{}", state.started, state.resumed)),
    }
}

/// The id of the session that was started as the first, the second…
pub fn session(number: usize) -> String {
    if number < 2 { SESSION.to_owned() } else { format!("{SESSION}-{number}") }
}

pub fn fatal() -> Fatal {
    Fatal {
        kind: FatalKind::Credentials,
        message: "the credentials have expired".to_owned(),
        hints: vec!["log in again".to_owned()],
    }
}

impl SessionSource for FakeSource {
    async fn start(&self) -> Result<Ticket, SourceError> {
        self.state().started += 1;
        self.gate().await;
        let mut state = self.state();
        state.starts.pop_front().map_or_else(|| Ok(ticket(&state)), Err)
    }

    async fn resume(&self, session_id: &str) -> Result<Resumption, SourceError> {
        let mut state = self.state();
        assert_eq!(session_id, session(state.started));
        state.resumed += 1;
        match state.answers.pop_front().or_else(|| state.always.clone()) {
            None => Ok(Resumption::Resumed(ticket(&state))),
            Some(Answer::Over) => Ok(Resumption::Over),
            Some(Answer::Retry) => {
                Err(SourceError::Retry { after: None, message: "slow down".to_owned() })
            }
            Some(Answer::Fatal) => Err(SourceError::Fatal(fatal())),
            Some(Answer::Denied) => {
                Err(SourceError::Fatal(Fatal { kind: FatalKind::Permission, ..fatal() }))
            }
        }
    }

    async fn terminate(&self, session_id: &str) -> Result<(), SourceError> {
        self.state().terminated.push(session_id.to_owned());
        Ok(())
    }

    async fn sign_upgrade(
        &self,
        url: &str,
    ) -> Result<Option<Vec<(HeaderName, HeaderValue)>>, SourceError> {
        self.gate().await;
        let state = self.state();
        assert_eq!(url, ticket(&state).stream_url);
        let headers = [
            ("host", "signed.test"),
            ("x-amz-date", "20261121T120000Z"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=test"),
        ];
        Ok(state.signs.then(|| {
            headers.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).to_vec()
        }))
    }
}
