use std::collections::VecDeque;
use std::sync::Arc;

use adit_wire::channel::OpenDataChannel;
use tracing::{debug, info};

use super::session::Session;
use super::slot::{Hangup, Side};
use super::websocket::{self, Websocket};
use crate::service::Service;

/// The close code for a first frame that is not understood.
const UNSUPPORTED: u16 = 1003;

/// The close code for a token that is not accepted. What the service says is not known.
const POLICY: u16 = 1008;

/// Serves one data websocket to its end.
pub(crate) async fn serve(service: Arc<Service>, session: Arc<Session>, mut ws: Websocket) {
    let Some(first) = websocket::opening(&mut ws).await else { return };
    let Ok(open) = serde_json::from_slice::<OpenDataChannel>(&first) else {
        return websocket::close(ws, UNSUPPORTED, "expected OpenDataChannelInput").await;
    };
    let side = if open.client_instance_id.is_some() { Side::Agent } else { Side::Client };
    let redeemed = {
        let now = service.clock.elapsed();
        let mut status = session.status();
        match side {
            Side::Client => status.client_token.redeem(&open.token_value, now),
            Side::Agent => status.agent_token.redeem(&open.token_value, now),
        }
    };
    if !redeemed {
        debug!(session = session.id, ?side, "token refused");
        return websocket::close(ws, POLICY, "token refused").await;
    }
    let Some(mut attached) = session.attach(side) else {
        return websocket::close(ws, POLICY, "session is over").await;
    };
    info!(session = session.id, ?side, version = open.client_version, "data channel open");
    let mut unsent = VecDeque::new();
    let ended = websocket::pump(ws, &mut attached, &mut unsent).await;
    session.detached(side, attached.number, attached.leg, unsent.into());
    debug!(session = session.id, ?side, "data channel ended");
    match ended {
        Some((ws, Hangup::Reset)) => ws.get_ref().reset_on_drop(),
        Some((ws, Hangup::Close(code))) => websocket::close(ws, code, "Bye").await,
        None => {}
    }
}
