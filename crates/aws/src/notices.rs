//! What a command waits for, told while it waits.

use std::fmt;
use std::sync::Arc;

/// Something that is waited for, or done without.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The service asks for fewer calls; the call is made again after a pause.
    Throttled {
        /// The service, as requests are signed for it.
        service: String,
    },
    /// Another process asks for what would be asked here; its answer does for both.
    OtherProcessAsks {
        /// What is asked for.
        what: String,
    },
    /// The program that gives MFA codes has given one that was refused; the next one is waited for.
    NextCode,
    /// Adit's cache of credentials cannot be used.
    StoreUnusable {
        /// Why.
        message: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled { service } => {
                write!(f, "{service} asks for fewer calls; waiting before the next try")
            }
            Self::OtherProcessAsks { what } => {
                write!(f, "another adit asks for {what}; waiting for its answer")
            }
            Self::NextCode => {
                write!(f, "that MFA code was refused; waiting for the next one, up to 30 s")
            }
            Self::StoreUnusable { message } => {
                write!(f, "credentials are not kept between runs: {message}")
            }
        }
    }
}

/// Who is told.
#[derive(Clone, Default)]
pub struct Notices(Option<Arc<dyn Fn(Notice) + Send + Sync>>);

impl Notices {
    /// Tells `f`, which must not block.
    pub fn new(f: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(f)))
    }

    pub(crate) fn tell(&self, notice: Notice) {
        tracing::debug!(%notice, "waiting or doing without");
        if let Some(f) = &self.0 {
            f(notice);
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notices").field(&self.0.is_some()).finish()
    }
}
