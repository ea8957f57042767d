//! How a tunnel stands, by what it tells.

use std::time::Instant;

use adit_tunnel::{TunnelEvent, Warning};

use super::loss;
use crate::commands::tunnels::{Milestones, Seat, State};

/// Changes the standing of a tunnel by what it tells. What befalls one session of several leaves it as it
/// is while others carry connections.
pub(super) fn show(seat: &Seat, event: &TunnelEvent) {
    let tunnel = || seat.standing().and_then(|standing| standing.tunnel);
    let is_up = || tunnel().is_some_and(|tunnel| tunnel.is_up());
    if seat.state() == Some(State::Starting) {
        mark(seat, event);
    }
    match event {
        TunnelEvent::Session { id, .. } => {
            let session = tunnel().and_then(|tunnel| tunnel.session_id());
            seat.change(|standing| standing.session = session.or_else(|| Some(id.clone())));
        }
        TunnelEvent::LaneOpened { .. } | TunnelEvent::LaneGone { .. } => {
            let session = tunnel().and_then(|tunnel| tunnel.session_id());
            seat.change(|standing| standing.session = session);
            // One that is up makes up for one that is not.
            let is_short = [State::Resuming, State::Replacing, State::Waiting].map(Some);
            if is_short.contains(&seat.state()) && is_up() {
                seat.is(State::Ready, None);
            }
        }
        // Of one that is being opened or replaced that is no other state.
        TunnelEvent::Resuming { cause, .. } if seat.state() == Some(State::Ready) && !is_up() => {
            seat.is(State::Resuming, Some(loss(*cause)));
        }
        TunnelEvent::Starting if seat.state() == Some(State::Waiting) => {
            seat.is(State::Starting, None);
        }
        TunnelEvent::Retrying { cause, .. } if seat.state() != Some(State::Ready) => {
            seat.change(|standing| standing.cause = Some(cause.clone()));
        }
        TunnelEvent::Resumed { .. } | TunnelEvent::Replaced { .. } => seat.is(State::Ready, None),
        TunnelEvent::Warning(Warning::LaneRefused { cause }) => {
            seat.change(|standing| standing.refused = Some(cause.clone()));
        }
        TunnelEvent::Replacing { cause, .. } => {
            seat.change(|standing| standing.session = None);
            seat.is(State::Replacing, Some(cause.clone()));
        }
        TunnelEvent::Dormant { cause, .. } => {
            seat.change(|standing| standing.session = None);
            seat.is(State::Waiting, Some(cause.clone()));
        }
        _ => {}
    }
}

/// Notes how far a tunnel has come that is being opened.
fn mark(seat: &Seat, event: &TunnelEvent) {
    let now = Some(Instant::now());
    match event {
        TunnelEvent::Starting => seat.change(|standing| {
            standing.milestones = Milestones { starting: now, ..Milestones::default() };
        }),
        TunnelEvent::Session { .. } => seat.change(|standing| standing.milestones.session = now),
        _ => {}
    }
}
