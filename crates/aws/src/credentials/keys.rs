//! A pair of keys as files, variables and answers hold it.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::attributes::AccountId;
use zeroize::Zeroizing;

/// Keys with their token; what is secret leaves memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Zeroizing<String>,
    pub(crate) session_token: Option<Zeroizing<String>>,
    pub(crate) account: Option<String>,
    pub(crate) expires: Option<SystemTime>,
}

impl Keys {
    pub(crate) fn of(credentials: &Credentials) -> Self {
        Self {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: Zeroizing::new(credentials.secret_access_key().to_owned()),
            session_token: credentials.session_token().map(|t| Zeroizing::new(t.to_owned())),
            account: credentials.account_id().map(|id| id.as_str().to_owned()),
            expires: credentials.expiry(),
        }
    }

    /// The same for the SDK, which wipes what it holds as well.
    pub(crate) fn to_sdk(&self) -> Credentials {
        let mut builder = Credentials::builder()
            .access_key_id(&self.access_key_id)
            .secret_access_key(self.secret_access_key.as_str())
            .provider_name("adit");
        builder.set_session_token(self.session_token.as_ref().map(|token| token.to_string()));
        builder.set_account_id(self.account.clone().map(AccountId::from));
        builder.set_expiry(self.expires);
        builder.build()
    }

    /// Whether they are the long-lived keys of a user or of the root user.
    pub(crate) fn are_long_lived(&self) -> bool {
        self.session_token.is_none()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("access_key_id", &self.access_key_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
