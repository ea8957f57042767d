//! What the tunnels of one command share: credentials, and bastions that are being started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use adit_aws::Aws;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared as SharedFuture, WeakShared};

use super::service::{Asked, ServiceLimits};
use crate::commands::access;
use crate::commands::place::Place;
use crate::failure::Failure;
use crate::journal::Writer;
use crate::settings::Access;
use crate::ui::Printer;

type Pending<T> = SharedFuture<BoxFuture<'static, Result<T, Failure>>>;

/// Credentials that were got, or are being got. Only those who wait keep the work alive: one that
/// nobody drives any more would hold up all who come after it.
#[derive(Default)]
struct Entry {
    done: Option<Aws>,
    pending: Option<WeakShared<BoxFuture<'static, Result<Aws, Failure>>>>,
}

enum Held {
    Aws(Box<Aws>),
    Pending(Pending<Aws>),
    Nothing,
}

/// Clones share the same.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// By the address of the settings that they come from.
    accesses: Mutex<HashMap<usize, Entry>>,
    /// Those that are being started, by account, region and instance.
    bastions: Mutex<HashMap<String, Pending<()>>>,
    /// Held by whoever gets credentials: people are asked one question at a time.
    asking: Arc<tokio::sync::Mutex<()>>,
    /// Where it is written down what a kill would leave.
    journal: Writer,
    /// When the service ends sessions.
    asked: Asked,
}

impl Shared {
    /// The same with a journal.
    pub(crate) fn with(journal: Writer) -> Self {
        Self(Arc::new(Inner { journal, ..Inner::default() }))
    }

    /// When the service ends sessions; asked for once.
    pub(super) async fn service_limits(&self, aws: &Aws) -> ServiceLimits {
        self.0.asked.ask(aws).await
    }

    pub(crate) fn journal(&self) -> &Writer {
        &self.0.journal
    }

    /// Credentials, region and endpoints; got once for all connections that have the same settings.
    pub(crate) fn aws(
        &self,
        access: &Arc<Access>,
        printer: Printer,
    ) -> impl Future<Output = Result<Aws, Failure>> + Send + use<> {
        // The settings live as long as the connections, so no address means two of them.
        let key = Arc::as_ptr(access) as usize;
        let (shared, access) = (self.clone(), Arc::clone(access));
        async move {
            let pending = match shared.held(key) {
                Held::Aws(aws) => return Ok(*aws),
                Held::Pending(pending) => pending,
                Held::Nothing => shared.begin(key, access, printer),
            };
            let aws = pending.await?;
            let mut accesses = shared.0.accesses.lock().unwrap_or_else(PoisonError::into_inner);
            accesses.entry(key).or_default().done = Some(aws.clone());
            Ok(aws)
        }
    }

    fn held(&self, key: usize) -> Held {
        let accesses = self.0.accesses.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = accesses.get(&key) else { return Held::Nothing };
        match (&entry.done, entry.pending.as_ref().and_then(WeakShared::upgrade)) {
            (Some(aws), _) => Held::Aws(Box::new(aws.clone())),
            (None, Some(pending)) => Held::Pending(pending),
            (None, None) => Held::Nothing,
        }
    }

    fn begin(&self, key: usize, access: Arc<Access>, printer: Printer) -> Pending<Aws> {
        let asking = Arc::clone(&self.0.asking);
        let pending = async move {
            let _turn = asking.lock().await;
            access::load(&access, printer).await
        }
        .boxed()
        .shared();
        let mut accesses = self.0.accesses.lock().unwrap_or_else(PoisonError::into_inner);
        accesses.entry(key).or_default().pending = pending.downgrade();
        pending
    }

    /// Forgets credentials that were refused, so that the next one gets others.
    pub(crate) fn forget(&self, access: &Arc<Access>) {
        let mut accesses = self.0.accesses.lock().unwrap_or_else(PoisonError::into_inner);
        accesses.remove(&(Arc::as_ptr(access) as usize));
    }

    /// Has the bastion of a place started where it does not run; by one tunnel for all that wait.
    pub(crate) async fn start(
        &self,
        place: &Place,
        aws: &Aws,
        printer: Printer,
    ) -> Result<(), Failure> {
        let key = format!("{} {} {}", aws.place(), aws.region(), place.destination.bastion);
        let pending = {
            let mut bastions = self.0.bastions.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = || {
                let (place, aws) = (place.clone(), aws.clone());
                async move { place.start(&aws, printer).await }.boxed().shared()
            };
            bastions.entry(key.clone()).or_insert_with(begin).clone()
        };
        let started = pending.clone().await;
        let mut bastions = self.0.bastions.lock().unwrap_or_else(PoisonError::into_inner);
        // It may stop again, and is then to be started anew.
        if bastions.get(&key).is_some_and(|current| current.ptr_eq(&pending)) {
            bastions.remove(&key);
        }
        started
    }
}
