//! How a session is started in the place of one that is gone.

use std::sync::Arc;

use adit_aws::{Aws, StartSession};
use futures_util::FutureExt as _;

use super::one::Context;
use crate::commands::open;
use crate::commands::place::{Place, locate, locate_bastion};
use crate::failure::Failure;
use crate::settings::Way;
use crate::source::Anew;

/// Looks the target and its bastion up anew, and starts the bastion where it does not run. There is
/// nothing to look up where the user said it all; and what is narrowed to one bastion and document
/// may look nothing up, nor go elsewhere.
pub(super) fn finder(context: &Context) -> impl FnOnce(Aws) -> Option<Anew> + Send + use<> {
    let connection = &context.connection;
    let is_fixed = match &connection.way {
        Way::Direct(direct) => direct.destination().is_some(),
        Way::Target { .. } => false,
    };
    let finder = Finder {
        way: connection.way.clone(),
        given: context.given.clone(),
        reason: connection.reason.clone(),
        shared: context.shared.clone(),
        seat: context.seat.clone(),
        printer: context.printer,
    };
    let is_fixed = is_fixed || connection.scope_session;
    move |aws| {
        let finder = Arc::new(finder);
        (!is_fixed).then(|| {
            let anew: Anew = Box::new(move |was_offline| {
                let (finder, aws) = (Arc::clone(&finder), aws.clone());
                async move { finder.find(&aws, was_offline).await }.boxed()
            });
            anew
        })
    }
}

struct Finder {
    way: Way,
    given: crate::cli::Given,
    reason: Option<String>,
    shared: super::Shared,
    seat: super::Seat,
    printer: crate::ui::Printer,
}

impl Finder {
    async fn find(&self, aws: &Aws, was_offline: bool) -> Result<StartSession, Failure> {
        let place = match &self.way {
            Way::Direct(direct) => locate_bastion(aws, direct).await?,
            Way::Target { spec, bastion } => {
                locate(aws, spec, bastion.as_ref(), &self.given).await?
            }
        };
        // One of adit's own, whose agent is not up though it runs, is waited for.
        let is_offline = place.vpc.is_some() && was_offline;
        let place = Place { is_offline, ..place };
        self.shared.start(&place, aws, self.printer).await?;
        let destination = place.destination;
        self.seat.change(|standing| {
            standing.bastion = Some(destination.bastion.clone());
            standing.host.clone_from(&destination.host);
        });
        Ok(open::request(&destination, self.reason.clone()))
    }
}
