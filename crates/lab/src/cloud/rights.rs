//! What a caller may do: his policies, their boundary, and what his session is narrowed to.

use std::slice;
use std::time::Duration;

use super::iam;
use crate::identity::{Caller, Principal};
use crate::policy::{Context, Policy, Verdict};

/// Everything that decides about a caller's requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    /// `None` when nothing is asked of them.
    identity: Option<Vec<Policy>>,
    boundary: Option<Policy>,
    session: Vec<Policy>,
    context: Context,
}

/// Which policies refuse a request, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// No policy of this kind allows it.
    Missing(Kind),
    /// One denies it.
    Explicit(Kind),
}

/// A kind of policy, as refusals call it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Identity,
    Boundary,
    Session,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        }
    }
}

impl Refusal {
    /// The end of a refusal.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
    pub(crate) fn because(self, action: &str) -> String {
        match self {
            Self::Missing(kind) => {
                format!("because no {} allows the {action} action", kind.noun())
            }
            Self::Explicit(kind) => {
                let noun = kind.noun();
                let article = if kind == Kind::Identity { "an" } else { "a" };
                format!("with an explicit deny in {article} {noun}")
            }
        }
    }
}

impl Rights {
    /// Those of a caller, at this time of the lab, in a request that came over TLS or not.
    pub(crate) fn of(iam: &iam::State, caller: &Caller, now: Duration, over_tls: bool) -> Self {
        let (identity, boundary) = match &caller.principal {
            Principal::User(name) => (Some(iam::user_policies(iam, name)), None),
            Principal::Role { name, .. } => {
                (Some(iam::role_policies(iam, name)), iam::boundary(iam, name))
            }
            Principal::Elsewhere { .. } => (Some(Vec::new()), None),
            Principal::Instance => (None, None),
        };
        let session = caller.session.as_ref().map(|session| session.policies.clone());
        let session = session.unwrap_or_default();
        let mut context = caller.context(now);
        context.set("aws:SecureTransport", over_tls);
        Self { identity, boundary, session, context }
    }

    /// What is known of the caller's requests.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Why an action on a resource is refused; `None` when it is allowed.
    pub(crate) fn refusal(&self, action: &str, resource: &str) -> Option<Refusal> {
        self.refusal_in(action, resource, &self.context)
    }

    /// The same, with more known of the request.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>
    pub(crate) fn refusal_in(
        &self,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Option<Refusal> {
        refusal(&self.said(action, resource, context)?)
    }

    /// The same of somebody whom the resource's own policy names: his policies need not allow it,
    /// but none may deny it, and a boundary and a session's policies hold whatever his say.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-eval-logic>
    pub(crate) fn refusal_of_named(
        &self,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Option<Refusal> {
        let mut said = self.said(action, resource, context)?;
        said.retain(|said| *said != (Kind::Identity, Verdict::Silent));
        refusal(&said)
    }

    /// What each kind of policy says; `None` when nothing is asked of them. A boundary and session
    /// policies decide only where there are some.
    fn said(
        &self,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Option<Vec<(Kind, Verdict)>> {
        let identity = self.identity.as_ref()?;
        let says = |policies: &[Policy]| {
            let mut said = Verdict::Silent;
            for policy in policies {
                match policy.verdict(action, resource, context) {
                    Verdict::Denies => return Verdict::Denies,
                    Verdict::Allows => said = Verdict::Allows,
                    Verdict::Silent => {}
                }
            }
            said
        };
        let mut said = vec![(Kind::Identity, says(identity))];
        said.extend(self.boundary.iter().map(|one| (Kind::Boundary, says(slice::from_ref(one)))));
        if !self.session.is_empty() {
            said.push((Kind::Session, says(&self.session)));
        }
        Some(said)
    }
}

/// A denial of any kind decides; otherwise all have to allow it.
fn refusal(said: &[(Kind, Verdict)]) -> Option<Refusal> {
    let find = |wanted| said.iter().find(|(_, said)| *said == wanted).map(|(kind, _)| *kind);
    find(Verdict::Denies)
        .map(Refusal::Explicit)
        .or_else(|| find(Verdict::Silent).map(Refusal::Missing))
}
