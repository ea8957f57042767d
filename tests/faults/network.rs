//! A network of the program's own, which rows cut: two ends of a wire, one of them in a namespace.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::common::stories::{Missing, find};
use crate::row::Outcome;

static NUMBER: AtomicU8 = AtomicU8::new(0);

/// A network namespace with a wire to this one.
pub(crate) struct Namespace {
    name: String,
    wire: String,
    number: u8,
}

impl Namespace {
    /// Why this machine has none.
    pub(crate) fn missing() -> Option<Missing> {
        if let Err(missing) = find("ip", &["/usr/sbin".into(), "/sbin".into()]) {
            return Some(missing);
        }
        Self::new()
            .err()
            .map(|error| Missing::new(format!("what network namespaces take: {error}")))
    }

    pub(crate) fn new() -> Outcome<Self> {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let id = std::process::id() % 100_000;
        let (name, wire) = (format!("adit-{id}-{number}"), format!("ad{id}n{number}"));
        let namespace = Self { name, wire, number };
        let Self { name, wire, .. } = &namespace;
        ip(&["netns", "add", name])?;
        let far = format!("{wire}f");
        ip(&["link", "add", wire, "type", "veth", "peer", "name", &far])?;
        ip(&["link", "set", &far, "netns", name])?;
        let near = format!("{}/24", namespace.near());
        ip(&["addr", "add", &near, "dev", wire])?;
        ip(&["link", "set", wire, "up"])?;
        namespace.ip_within(&["link", "set", "lo", "up"])?;
        namespace.ip_within(&["link", "set", &far, "up"])?;
        namespace.address(2, true)?;
        // Local clients have a wire of their own, which nobody cuts.
        let (own, far) = (format!("{wire}c"), format!("{wire}d"));
        ip(&["link", "add", &own, "type", "veth", "peer", "name", &far])?;
        ip(&["link", "set", &far, "netns", name])?;
        let [.., last] = namespace.local().octets();
        let near = namespace.local().to_string();
        let near = near.strip_suffix(&last.to_string()).unwrap_or_default();
        ip(&["addr", "add", &format!("{near}1/24"), "dev", &own])?;
        ip(&["link", "set", &own, "up"])?;
        namespace.ip_within(&["addr", "add", &format!("{near}2/24"), "dev", &far])?;
        namespace.ip_within(&["link", "set", &far, "up"])?;
        Ok(namespace)
    }

    /// This end.
    pub(crate) fn near(&self) -> Ipv4Addr {
        // Of the addresses for tests of networks; another run may be under way.
        let [_, _, high, low] = std::process::id().to_be_bytes();
        Ipv4Addr::new(198, 18 + high % 2, low.wrapping_add(self.number), 1)
    }

    /// Where local clients reach the program.
    pub(crate) fn local(&self) -> Ipv4Addr {
        let [_, second, third, _] = self.near().octets();
        Ipv4Addr::new(10, second + 200, third, 2)
    }

    /// Gives the other end an address, or takes it away.
    pub(crate) fn address(&self, last: u8, given: bool) -> Outcome {
        let [a, b, c, _] = self.near().octets();
        let address = format!("{a}.{b}.{c}.{last}/24");
        let verb = if given { "add" } else { "del" };
        self.ip_within(&["addr", verb, &address, "dev", &format!("{}f", self.wire)])
    }

    /// Cuts the wire, or mends it.
    pub(crate) fn wire(&self, is_whole: bool) -> Outcome {
        ip(&["link", "set", &self.wire, if is_whole { "up" } else { "down" }])
    }

    fn ip_within(&self, arguments: &[&str]) -> Outcome {
        ip(&[&["-n", &self.name], arguments].concat())
    }

    /// The same command in the namespace.
    pub(crate) fn within(&self, command: &Command) -> Command {
        let mut within = Command::new("ip");
        within.env_clear().stdin(std::process::Stdio::null());
        within.args(["netns", "exec", &self.name]).arg(command.get_program());
        within.args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                within.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            within.current_dir(folder);
        }
        within
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(ip(&["netns", "del", &self.name]));
        drop(ip(&["link", "del", &self.wire]));
        drop(ip(&["link", "del", &format!("{}c", self.wire)]));
    }
}

fn ip(arguments: &[&str]) -> Outcome {
    let done = Command::new("ip").args(arguments).output();
    let done = done.map_err(|error| format!("ip {arguments:?}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr).trim()))
}
