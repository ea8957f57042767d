//! The cloud's instances, as Session Manager has them.

use std::time::Duration;

use super::instance::Instance;
use super::session::Session;
use super::slot::{Hangup, Side};
use crate::cloud::{Managed, Presence};
use crate::service::Service;

/// What has become of an instance that sessions are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    None,
    /// Its agent has lost its connections.
    Cut,
    /// Its agent is gone, with all of its workers.
    Ended,
}

impl Service {
    /// Brings the instances of the cloud to where they are at this time: their agents come and go
    /// with power, role and network.
    pub(crate) fn refresh(&self) {
        let managed = {
            let mut cloud = self.cloud();
            cloud.ec2.settle(self);
            cloud.managed(self.clock.elapsed(), self.faults.cloud.agent())
        };
        for instance in managed {
            match self.follow(&instance) {
                Change::None => {}
                Change::Cut => self.each_session(&instance.id, |session| {
                    session.cut(Side::Agent, Hangup::Reset);
                }),
                Change::Ended => self.each_session(&instance.id, |session| {
                    if self.end_session(session, "") {
                        session.close("");
                    }
                }),
            }
        }
    }

    fn each_session(&self, instance: &str, act: impl Fn(&Session)) {
        let sessions = self.sessions();
        sessions.iter().filter(|session| session.target == instance).for_each(|s| act(s));
    }

    /// Takes over how an instance is; it becomes known when it is online for the first time.
    fn follow(&self, managed: &Managed) -> Change {
        let Managed { id, presence, ip, booted } = managed;
        let now = self.clock.unix();
        if *presence == Presence::Gone {
            return if self.forget_instance(id) { Change::Ended } else { Change::None };
        }
        let here = *presence == Presence::Online;
        if here && !self.has_instance(id) {
            self.add_instance(id);
            self.instance(id, |instance| {
                if let Some(ip) = ip {
                    instance.about.ip_address = ip.to_string();
                    instance.about.computer_name =
                        format!("ip-{}.ec2.internal", ip.to_string().replace('.', "-"));
                }
                instance.set_booted(*booted);
            });
        }
        self.instance(id, |instance| follow(instance, *presence, *booted, now))
            .unwrap_or(Change::None)
    }
}

fn follow(instance: &mut Instance, presence: Presence, booted: Duration, now: Duration) -> Change {
    if !instance.is_emulated() {
        return Change::None;
    }
    let was = instance.is_here();
    let here = presence == Presence::Online;
    instance.set_here(here);
    if was {
        instance.about.last_ping = (!here).then_some(now);
    } else if here {
        instance.about.last_ping = None;
    }
    let anew = instance.set_booted(booted);
    match presence {
        Presence::Down if was => Change::Ended,
        _ if anew => Change::Ended,
        Presence::Cut if was => Change::Cut,
        _ => Change::None,
    }
}
