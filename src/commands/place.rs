//! Finding out where a target is, and which bastion leads there.

use adit_aws::Aws;
use adit_aws::bastion::{self, Bastion, Existing, ExistingSpec, Opened, State};
use adit_aws::targets::{self, Target, TargetSpec};

use super::telling::Telling;
use crate::cli::Given;
use crate::failure::{Failure, Kind};
use crate::memory::Remembered;
use crate::settings::{Destination, Direct};
use crate::ui::{Event, Printer};

/// Where a target is, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) destination: Destination,
    /// What the target runs, such as `postgres`, as far as AWS says.
    pub(crate) engine: Option<String>,
    /// `None` where the bastion was chosen by the user, and the target's VPC is none of our business.
    pub(crate) vpc: Option<String>,
    /// `None` where it is not an instance, or nobody has looked.
    pub(crate) state: Option<State>,
    /// Whether Session Manager does not reach it, though it ran when somebody looked: its agent is
    /// not up yet, or it has stopped itself since.
    pub(crate) is_offline: bool,
    pub(crate) warnings: Vec<String>,
}

impl Place {
    pub(crate) fn remembered(&self) -> Remembered {
        let Destination { bastion, host, port } = self.destination.clone();
        Remembered { host, port, vpc: self.vpc.clone(), bastion }
    }

    /// Whether a session to what is remembered is one to here.
    pub(crate) fn is(&self, remembered: &Remembered) -> bool {
        self.remembered() == *remembered && self.is_up()
    }

    fn is_up(&self) -> bool {
        !self.is_offline && self.state.is_none_or(|state| state == State::Running)
    }

    /// Whether it is worth starting the bastion and waiting for it, after `failure`: it is one of
    /// adit's own, and that has not been tried.
    pub(crate) fn may_come(&self, failure: &Failure) -> bool {
        failure.kind == Kind::Offline && self.vpc.is_some() && !self.is_offline
    }

    /// Starts the bastion where it does not run, and waits until its agent answers.
    pub(crate) async fn start(&self, aws: &Aws, printer: Printer) -> Result<(), Failure> {
        if !self.is_offline {
            self.announce(printer)?;
        }
        if self.is_up() {
            return Ok(());
        }
        let id = self.destination.bastion.as_str();
        let mut telling = Telling::new(printer);
        Box::pin(bastion::start(aws, id, |progress| telling.tell(progress))).await?;
        drop(telling);
        printer.event(&Event::Bastion { id, state: State::Running.as_str() })
    }

    /// Says which bastion it is, and in which state.
    pub(crate) fn announce(&self, printer: Printer) -> Result<(), Failure> {
        let Some(state) = self.state else { return Ok(()) };
        printer.event(&Event::Bastion { id: &self.destination.bastion, state: state.as_str() })
    }

    /// Says what does not work through a tunnel as it would without one.
    pub(crate) fn warn(&self, printer: Printer) -> Result<(), Failure> {
        for message in &self.warnings {
            printer.warn(message);
            printer.event(&Event::warning(message))?;
        }
        Ok(())
    }
}

/// Looks the target up, and its bastion beside it.
pub(crate) async fn locate(
    aws: &Aws,
    spec: &TargetSpec,
    chosen: Option<&ExistingSpec>,
    given: &Given,
) -> Result<Place, Failure> {
    if let Some(chosen) = chosen {
        let (target, bastion) =
            tokio::join!(targets::resolve(aws, spec), bastion::resolve_existing(aws, chosen));
        let (target, Existing { target: bastion, state, warnings }) = (target?, bastion?);
        return Ok(Place {
            destination: Destination { bastion, host: Some(target.host), port: target.port },
            engine: target.engine,
            vpc: None,
            state,
            is_offline: false,
            warnings: [target.warnings, warnings].concat(),
        });
    }
    let opened = async {
        if spec.kind.has_several_ports() {
            bastion::opened(aws).await
        } else {
            Ok(Opened::default())
        }
    };
    let (target, bastions, opened) =
        tokio::join!(targets::resolve(aws, spec), bastion::find(aws, spec.vpc.as_deref()), opened,);
    let (target, bastions) = (target?, bastions?);
    let is_here = |one: &Bastion| one.vpc == target.vpc;
    let strangers: Vec<_> = bastions.strangers.into_iter().filter(is_here).collect();
    let here: Vec<Bastion> = bastions.own.into_iter().filter(is_here).collect();
    let Some(bastion) = here.first() else {
        let mut message = format!("{} has no bastion, and {spec} is in it", target.vpc);
        if let Some(stranger) = strangers.first() {
            message = format!("{message}; {}", disowned(stranger));
        }
        return Err(Failure::new(Kind::Bastion, message)
            .hint(format!("`{}` makes one", again(given, spec)))
            .hint("with a machine of your own: --bastion i-…, mi-…, tag:KEY=VALUE"));
    };
    let mut warnings = target.warnings.clone();
    match opened {
        Ok(opened) => warnings.extend(closed(&opened, &target, spec, given)),
        // Those who connect may not be permitted to look; the tunnel tells.
        Err(error) => tracing::debug!(%error, "which ports are open is not known"),
    }
    warnings.extend(strangers.iter().map(disowned));
    if here.len() > 1 {
        warnings.push(format!(
            "{} has {} bastions; {} is used, `{}` removes all of them",
            target.vpc,
            here.len(),
            bastion.id,
            given.without_targets("cleanup")
        ));
    }
    Ok(Place {
        destination: Destination {
            bastion: bastion.id.clone(),
            host: Some(target.host),
            port: target.port,
        },
        engine: target.engine,
        vpc: Some(target.vpc),
        state: Some(bastion.state),
        is_offline: false,
        warnings,
    })
}

/// What to say where rules of adit let a bastion reach other ports of a target, and not this one:
/// one of its endpoints was prepared, and another one is asked for.
fn closed(opened: &Opened, target: &Target, spec: &TargetSpec, given: &Given) -> Option<String> {
    let ports = opened.ports(&target.resource())?;
    if ports.contains(&target.port) {
        return None;
    }
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    Some(format!(
        "adit has let the bastion reach {} at {}, not at {}; `{}` adds that",
        target.resource(),
        ports.join(", "),
        target.port,
        again(given, spec)
    ))
}

/// What to say of an instance that has the tags of a bastion and nothing else of one.
pub(super) fn disowned(stranger: &Bastion) -> String {
    format!(
        "{} is tagged as a bastion, but has neither adit's instance profile nor its security group: it is not used",
        stranger.id
    )
}

/// The `adit init` that prepares a target.
fn again(given: &Given, spec: &TargetSpec) -> String {
    given.again_for("init", &[spec.to_string()])
}

/// Finds the bastion alone, where the user says the rest.
pub(crate) async fn locate_bastion(aws: &Aws, direct: &Direct) -> Result<Place, Failure> {
    let Existing { target: bastion, state, warnings } =
        bastion::resolve_existing(aws, &direct.bastion).await?;
    let destination = Destination { bastion, host: direct.host.clone(), port: direct.port };
    Ok(Place { destination, engine: None, vpc: None, state, is_offline: false, warnings })
}

/// Says why Session Manager does not reach the bastion, where it can be found out.
pub(crate) async fn explain(failure: Failure, aws: &Aws, bastion: &str) -> Failure {
    if !matches!(failure.kind, Kind::Bastion | Kind::Offline) || !bastion.starts_with("i-") {
        return failure;
    }
    match Box::pin(bastion::diagnose(aws, bastion)).await {
        Ok(diagnosis) if diagnosis.cause != bastion::Cause::None => {
            Failure { kind: Kind::Bastion, message: diagnosis.message, hints: diagnosis.hints }
        }
        Ok(diagnosis) => failure.hint(diagnosis.message),
        Err(error) => {
            tracing::debug!(%error, "no diagnosis");
            failure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bastion: &str, host: &str, port: u16) -> Place {
        Place {
            destination: Destination {
                bastion: bastion.to_owned(),
                host: Some(host.to_owned()),
                port,
            },
            engine: None,
            vpc: Some("vpc-1".to_owned()),
            state: Some(State::Running),
            is_offline: false,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_session_is_kept_only_if_it_leads_to_the_same_place() {
        let here = place("i-1", "db", 5432);
        let remembered = here.remembered();
        assert!(here.is(&remembered));
        assert!(Place { state: None, ..here.clone() }.is(&remembered));
        for moved in [
            place("i-1", "other", 5432),
            place("i-1", "db", 5433),
            place("i-2", "db", 5432),
            Place { vpc: None, ..here.clone() },
            Place { is_offline: true, ..here.clone() },
            Place { state: Some(State::Stopped), ..here },
        ] {
            assert!(!moved.is(&remembered), "{moved:?}");
        }
    }

    #[test]
    fn only_a_bastion_of_our_own_is_started_and_only_once() {
        let own = place("i-1", "db", 5432);
        let offline = Failure::new(Kind::Offline, "not connected");
        assert!(own.may_come(&offline));
        assert!(!own.may_come(&Failure::new(Kind::Bastion, "no answer")));
        assert!(!Place { is_offline: true, ..own.clone() }.may_come(&offline));
        assert!(!Place { vpc: None, ..own }.may_come(&offline));
    }
}
