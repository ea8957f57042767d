//! Finding out where a target is, and which bastion leads there.

use adit_aws::Aws;
use adit_aws::bastion::{self, Bastion, Existing, ExistingSpec, State};
use adit_aws::targets::{self, TargetSpec};

use super::telling::Telling;
use crate::failure::{Failure, Kind};
use crate::memory::Remembered;
use crate::settings::{Destination, Direct};
use crate::ui::{Event, Printer};

/// Where a target is, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) destination: Destination,
    /// `None` where the bastion was chosen by the user, and the target's VPC is none of our business.
    pub(crate) vpc: Option<String>,
    /// `None` where it is not an instance, or nobody has looked.
    pub(crate) state: Option<State>,
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
        self.state.is_none_or(|state| state == State::Running)
    }

    /// Starts the bastion where it does not run, and waits until its agent answers.
    pub(crate) async fn start(&self, aws: &Aws, printer: Printer) -> Result<(), Failure> {
        self.announce(printer)?;
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
) -> Result<Place, Failure> {
    if let Some(chosen) = chosen {
        let (target, bastion) =
            tokio::join!(targets::resolve(aws, spec), bastion::resolve_existing(aws, chosen));
        let (target, Existing { target: bastion, state, warnings }) = (target?, bastion?);
        return Ok(Place {
            destination: Destination { bastion, host: Some(target.host), port: target.port },
            vpc: None,
            state,
            warnings: [target.warnings, warnings].concat(),
        });
    }
    let (target, bastions) =
        tokio::join!(targets::resolve(aws, spec), bastion::find(aws, spec.vpc.as_deref()));
    let (target, bastions) = (target?, bastions?);
    let here: Vec<Bastion> = bastions.into_iter().filter(|one| one.vpc == target.vpc).collect();
    let Some(bastion) = here.first() else {
        let message = format!("{} has no bastion, and {spec} is in it", target.vpc);
        return Err(Failure::new(Kind::Bastion, message)
            .hint(format!("`adit init --target {}` makes one", quoted(&spec.to_string())))
            .hint("with a machine of your own: --bastion i-…, mi-…, tag:KEY=VALUE"));
    };
    let mut warnings = target.warnings;
    if here.len() > 1 {
        warnings.push(format!(
            "{} has {} bastions; {} is used, `adit cleanup` removes all of them",
            target.vpc,
            here.len(),
            bastion.id
        ));
    }
    Ok(Place {
        destination: Destination {
            bastion: bastion.id.clone(),
            host: Some(target.host),
            port: target.port,
        },
        vpc: Some(target.vpc),
        state: Some(bastion.state),
        warnings,
    })
}

/// Finds the bastion alone, where the user says the rest.
pub(crate) async fn locate_bastion(aws: &Aws, direct: &Direct) -> Result<Place, Failure> {
    let Existing { target: bastion, state, warnings } =
        bastion::resolve_existing(aws, &direct.bastion).await?;
    let destination = Destination { bastion, host: direct.host.clone(), port: direct.port };
    Ok(Place { destination, vpc: None, state, warnings })
}

/// Says why Session Manager does not reach the bastion, where it can be found out.
pub(crate) async fn explain(failure: Failure, aws: &Aws, bastion: &str) -> Failure {
    if failure.kind != Kind::Bastion || !bastion.starts_with("i-") {
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

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
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
            vpc: Some("vpc-1".to_owned()),
            state: Some(State::Running),
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
            Place { state: Some(State::Stopped), ..here },
        ] {
            assert!(!moved.is(&remembered), "{moved:?}");
        }
    }

    #[test]
    fn hints_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("rds:orders"), "rds:orders");
        assert_eq!(quoted("rds:tag:team=order's end"), r"'rds:tag:team=order'\''s end'");
    }
}
