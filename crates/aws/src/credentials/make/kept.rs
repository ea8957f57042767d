//! What earlier commands left: sessions and roles in adit's cache, roles in the AWS CLI's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use aws_types::os_shim_internal::Env;

use super::Maker;
use crate::credentials::base::Base;
use crate::credentials::chain::{MfaSerial, MfaStep};
use crate::credentials::cli_cache::CliCache;
use crate::credentials::keys::Keys;
use crate::credentials::policy::MfaState;
use crate::credentials::profiles::home;
use crate::credentials::role::Assumed;
use crate::credentials::store::{Kept, Key, Lock, Store};
use crate::notices::{Notice, Notices};
use crate::observe::Observer;

/// The caches, where they can be used.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) store: Option<Store>,
    pub(crate) cli: Option<CliCache>,
    pub(crate) notices: Notices,
    pub(crate) observer: Observer,
    pub(crate) said: AtomicBool,
    /// The sessions of this process, which has them also where no file can be written.
    pub(crate) sessions: Arc<Mutex<BTreeMap<Key, Kept>>>,
}

/// Opens adit's cache for the user of `env`.
pub(crate) fn open_store(env: &Env) -> io::Result<Store> {
    let base = env.get("XDG_CACHE_HOME").ok().filter(|path| Path::new(path).is_absolute());
    let base = base.map(PathBuf::from).or_else(|| home(env).map(|home| home.join(".cache")));
    let base = base.ok_or_else(|| io::Error::other("there is no home directory"))?;
    Store::open(&base.join("adit").join("credentials"))
}

impl Files {
    /// The same caches, for another way to credentials.
    pub(super) fn copy(&self) -> Self {
        Self {
            store: self.store.clone(),
            cli: self.cli.clone(),
            notices: self.notices.clone(),
            observer: self.observer.clone(),
            said: AtomicBool::new(self.said.load(Ordering::Relaxed)),
            sessions: Arc::clone(&self.sessions),
        }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<Key, Kept>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn skew(&self) -> Option<i64> {
        self.observer.skew()
    }

    /// Says once that the cache cannot be used.
    fn say(&self, error: &io::Error) {
        if !self.said.swap(true, Ordering::Relaxed) {
            self.notices.tell(Notice::StoreUnusable { message: error.to_string() });
        }
    }

    fn told<T>(&self, result: io::Result<T>) -> Option<T> {
        result.map_err(|error| self.say(&error)).ok()
    }

    pub(super) fn session(&self, maker: &Maker, step: &MfaStep, base: &Keys) -> Option<Kept> {
        let key = session_key(maker, step, base);
        let own = self.sessions().get(&key).cloned();
        let store = self.store.as_ref();
        let theirs = store.and_then(|store| self.told(store.read(&key)).flatten());
        // Another process may have got a newer one.
        own.into_iter().chain(theirs).max_by_key(|kept| kept.keys.expires)
    }

    pub(super) fn keep_session(
        &self,
        maker: &Maker,
        step: &MfaStep,
        base: &Keys,
        keys: &Keys,
        at: SystemTime,
    ) {
        let key = session_key(maker, step, base);
        let kept = Kept { keys: keys.clone(), mfa_at: Some(at) };
        if let Some(store) = &self.store {
            self.told(store.write(&key, &kept));
        }
        self.sessions().insert(key, kept);
    }

    pub(super) fn forget_session(&self, maker: &Maker, step: &MfaStep, base: &Keys) {
        let key = session_key(maker, step, base);
        self.sessions().remove(&key);
        if let Some(store) = &self.store {
            self.told(store.remove(&key));
        }
    }

    /// Waits for other processes that ask for the same; `None` where there is no cache.
    pub(super) async fn lock_session(
        &self,
        maker: &Maker,
        step: &MfaStep,
        base: &Keys,
    ) -> Option<Lock> {
        let store = self.store.as_ref()?;
        let tell = || {
            self.notices.tell(Notice::OtherProcessAsks { what: "the MFA code".to_owned() });
        };
        self.told(store.lock(&session_key(maker, step, base), tell).await).flatten()
    }

    /// What a role gave, and which cache held it.
    pub(super) fn role(
        &self,
        maker: &Maker,
        index: usize,
        now: SystemTime,
    ) -> Option<(Kept, &'static str)> {
        let role = &maker.chain.roles[index];
        if !role.is_plain() {
            return None;
        }
        let own =
            self.store.as_ref().and_then(|store| self.told(store.read(&role_key(maker, index)))?);
        if let Some(kept) = own.filter(|kept| kept.keys.expires.is_some_and(|at| at > now)) {
            return Some((kept, "adit's cache"));
        }
        let cli = self.cli.as_ref().filter(|_| is_cli_role(maker, index))?;
        let keys = cli.read(role, now)?;
        Some((Kept { keys, mfa_at: None }, "the AWS CLI's cache"))
    }

    pub(super) fn keep_role(&self, maker: &Maker, index: usize, assumed: &Assumed, mfa: MfaState) {
        let role = &maker.chain.roles[index];
        if !role.is_plain() {
            return;
        }
        let mfa_at = match mfa {
            MfaState::Yes { at } => at,
            MfaState::No | MfaState::Unknown => None,
        };
        if let Some(store) = &self.store {
            let kept = Kept { keys: assumed.keys.clone(), mfa_at };
            self.told(store.write(&role_key(maker, index), &kept));
        }
        if let Some(cli) = self.cli.as_ref().filter(|_| is_cli_role(maker, index))
            && let Err(error) = cli.write(role, assumed)
        {
            tracing::debug!(%error, "the AWS CLI's cache cannot be written");
        }
    }
}

/// Whether the AWS CLI would have assumed the role the same way: by its profile, without flags,
/// with the code that is part of its key for the role. One that another profile's code stands behind
/// has a key that does not tell so.
fn is_cli_role(maker: &Maker, index: usize) -> bool {
    let device = maker.chain.roles[index].mfa_serial.clone().map(MfaSerial::Arn);
    let same_device =
        maker.chain.mfa.as_ref().is_none_or(|step| Some(&step.serial) == device.as_ref());
    let same_roles =
        maker.chain.roles[..=index].iter().all(|role| role.of_profile && role.is_plain());
    same_device && same_roles
}

/// What tells a session from others: whose keys, which device, how long, and at which service.
fn session_key(maker: &Maker, step: &MfaStep, base: &Keys) -> Key {
    let serial = match &step.serial {
        MfaSerial::Arn(serial) => serial.as_str(),
        MfaSerial::Auto => "auto",
    };
    let duration = step.duration.map(|seconds| seconds.to_string()).unwrap_or_default();
    Key::of(&["session", &endpoint(maker), &base.access_key_id, serial, &duration])
}

/// What tells a role's credentials from others: the whole way to it.
fn role_key(maker: &Maker, index: usize) -> Key {
    let base = base_id(&maker.chain.base);
    let serial = maker.chain.mfa.as_ref().map(|step| match &step.serial {
        MfaSerial::Arn(serial) => serial.clone(),
        MfaSerial::Auto => "auto".to_owned(),
    });
    let mut parts = vec!["role".to_owned(), endpoint(maker), base, serial.unwrap_or_default()];
    for role in &maker.chain.roles[..=index] {
        parts.extend([
            role.arn.clone(),
            role.external_id.clone().unwrap_or_default(),
            role.session_name.clone().unwrap_or_default(),
            role.duration.map(|seconds| seconds.to_string()).unwrap_or_default(),
            role.source_identity.clone().unwrap_or_default(),
            role.policy.clone().unwrap_or_default(),
        ]);
    }
    Key::of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Where STS is, as far as it is not where AWS has it.
fn endpoint(maker: &Maker) -> String {
    let of_sts = maker.env.get("AWS_ENDPOINT_URL_STS").ok().filter(|url| !url.is_empty());
    of_sts.or_else(|| maker.sources.sdk.endpoint_url().map(str::to_owned)).unwrap_or_default()
}

/// What tells a base from others without asking it.
fn base_id(base: &Base) -> String {
    match base {
        Base::Environment(keys) | Base::Profile(keys) => keys.access_key_id.clone(),
        Base::Sso(sso) => format!("sso {} {} {}", sso.start_url, sso.account_id, sso.role_name),
        Base::Process { command, .. } => format!("process {}", command.0.as_str()),
        Base::WebIdentity { token_file, role_arn, .. } => {
            format!("web-identity {} {role_arn}", token_file.display())
        }
        Base::Login { session } => format!("login {session}"),
        Base::Container => "container".to_owned(),
        Base::Instance => "instance".to_owned(),
    }
}
