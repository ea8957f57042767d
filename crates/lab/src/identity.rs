//! Who calls, and what is known of the credentials that he calls with.

use std::time::Duration;

use crate::cloud::state::iso;
use crate::policy::{Context, Policy, Who};
use crate::service::{ACCOUNT, REGION};

/// Who made a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    /// As in `arn:aws:iam::111122223333:user/lab`.
    pub(crate) arn: String,
    /// As in `AIDA…`, for roles `AROA…:SESSION`.
    pub(crate) user_id: String,
    pub(crate) account: String,
    pub(crate) principal: Principal,
    /// Of temporary credentials.
    pub(crate) session: Option<Session>,
}

/// Whose policies count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Principal {
    /// A user of the account, by name.
    User(String),
    /// A role of the account, by name and ARN.
    Role { name: String, arn: String },
    /// Somebody of another account, in which there is nothing, or nobody.
    Elsewhere { arn: String },
    /// An instance that is managed from outside EC2: its service role is not modelled, and may
    /// do what agents do.
    Instance,
}

/// What temporary credentials remember of how they came about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Session {
    /// Since the Unix epoch.
    pub(crate) issued: Duration,
    /// When a code was given, since the Unix epoch. Sessions of roles have none, whatever the
    /// role was assumed with:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html>
    pub(crate) mfa: Option<Duration>,
    /// What narrows the principal's policies.
    pub(crate) policies: Vec<Policy>,
    pub(crate) source_identity: Option<String>,
    /// Whether `aws login` got them from sign-in, and not from STS.
    pub(crate) from_login: bool,
}

impl Caller {
    /// A user of the lab's account, with a key that lasts.
    pub(crate) fn user(name: &str, path: &str, id: &str) -> Self {
        Self {
            arn: format!("arn:aws:iam::{ACCOUNT}:user{path}{name}"),
            user_id: id.to_owned(),
            account: ACCOUNT.to_owned(),
            principal: Principal::User(name.to_owned()),
            session: None,
        }
    }

    /// A session of a role of the lab's account.
    pub(crate) fn role(name: &str, arn: &str, id: &str, called: &str, session: Session) -> Self {
        Self {
            arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{called}"),
            user_id: format!("{id}:{called}"),
            account: ACCOUNT.to_owned(),
            principal: Principal::Role { name: name.to_owned(), arn: arn.to_owned() },
            session: Some(session),
        }
    }

    /// Whoever calls what needs no signature. He may nothing else.
    pub(crate) fn nobody() -> Self {
        let arn = "anonymous".to_owned();
        Self {
            user_id: arn.clone(),
            principal: Principal::Elsewhere { arn: arn.clone() },
            arn,
            account: String::new(),
            session: None,
        }
    }

    /// A managed instance.
    pub(crate) fn instance(arn: String) -> Self {
        let id = arn.rsplit('/').next().unwrap_or_default().to_owned();
        let (account, principal) = (ACCOUNT.to_owned(), Principal::Instance);
        Self { arn, user_id: id, account, principal, session: None }
    }

    /// How trust policies can name him.
    pub(crate) fn arns(&self) -> Vec<String> {
        match &self.principal {
            Principal::Role { arn, .. } | Principal::Elsewhere { arn } => {
                vec![arn.clone(), self.arn.clone()]
            }
            Principal::User(_) | Principal::Instance => vec![self.arn.clone()],
        }
    }

    /// The same, for a trust policy; `arns` are those of [`arns`](Self::arns).
    pub(crate) fn who<'a>(&'a self, arns: &'a [String]) -> Who<'a> {
        Who::Aws { account: &self.account, arns }
    }

    /// What his requests have for conditions, at this time of the lab.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    pub(crate) fn context(&self, now: Duration) -> Context {
        let mut context = Context::default();
        context
            .set("aws:CurrentTime", iso(now))
            .set("aws:EpochTime", now.as_secs())
            .set("aws:RequestedRegion", REGION);
        // Nobody has no account, and is no principal.
        if self.account.is_empty() {
            return context;
        }
        let (kind, arn) = match &self.principal {
            Principal::User(name) => {
                context.set("aws:username", name);
                ("User", &self.arn)
            }
            Principal::Role { arn, .. } | Principal::Elsewhere { arn } => ("AssumedRole", arn),
            Principal::Instance => ("AssumedRole", &self.arn),
        };
        context
            .set("aws:PrincipalAccount", &self.account)
            .set("aws:PrincipalArn", arn)
            .set("aws:PrincipalType", kind)
            .set("aws:userid", &self.user_id);
        if let Some(session) = &self.session {
            // There for temporary credentials only, and then always.
            context
                .set("aws:MultiFactorAuthPresent", session.mfa.is_some())
                .maybe(
                    "aws:MultiFactorAuthAge",
                    session.mfa.map(|at| (now.saturating_sub(at)).as_secs()),
                )
                .set("aws:TokenIssueTime", iso(session.issued))
                .maybe("aws:SourceIdentity", session.source_identity.as_ref());
        }
        context
    }
}
