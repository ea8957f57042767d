mod client;
mod heal;
mod peer;
mod rules;
mod world;

use std::time::Duration;

use adit_engine::{Loss, SessionConfig};
use arbitrary::{Result, Unstructured};

use self::world::World;

/// The most steps of one run.
const STEPS: usize = 400;

/// Two agents that multiplex, one of them old enough to want keep-alives, and one that does not.
const VERSIONS: [&str; 3] = ["3.3.987.0", "3.1.0.0", "3.0.100.0"];

/// A whole session, driven by anything that a driver, a peer and a link may do, beside a model of the
/// peer: bytes arrive exactly once and in order, budgets are kept, polls come to an end, and what is
/// left heals once the link does.
pub fn session(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let Ok(mut world) = begin(&mut u) else { return };
    // An input that is too short ends early, and all before it counts.
    let _ended = steps(&mut world, &mut u);
    world.heal();
}

fn begin(u: &mut Unstructured<'_>) -> Result<World> {
    let mut pick = |sizes: [usize; 4]| u.arbitrary::<u8>().map(|byte| sizes[usize::from(byte) % 4]);
    let config = SessionConfig {
        stream_buffer: pick([128 << 10, 1, 4 << 10, 1 << 20])?,
        inbound_budget: pick([8 << 20, 1, 2 << 10, 64 << 10])?,
        reorder_budget: pick([4 << 20, 0, 2 << 10, 64 << 10])?,
        window_max: pick([12 << 20, 0, 40 << 10, 256 << 10])?,
        ..SessionConfig::default()
    };
    let version = VERSIONS[usize::from(u.arbitrary::<u8>()?) % VERSIONS.len()];
    Ok(World::new(config, version))
}

fn steps(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..STEPS {
        if u.is_empty() {
            break;
        }
        step(world, u)?;
        world.check();
    }
    Ok(())
}

fn step(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    match u.arbitrary::<u8>()? % 24 {
        0 | 1 => world.open(),
        2..=4 => {
            let (stream, len) = (u.arbitrary()?, length(u)?);
            world.write(stream, len);
        }
        5 | 6 => {
            let (stream, most) = (u.arbitrary()?, length(u)?);
            world.read(stream, most);
        }
        7 => world.finish(u.arbitrary()?),
        8 => world.reset(u.arbitrary()?),
        9 => match u.arbitrary::<u8>()? {
            // Ends most of what could follow, so it is rare.
            0 => world.terminate(),
            1 => world.channel_closed(),
            byte if byte % 4 == 0 => world.down(loss(byte)),
            _ => world.up(),
        },
        10 => world.wait(Duration::from_millis(u64::from(u.arbitrary::<u8>()?))),
        11 => world.wait(Duration::from_millis(u64::from(u.arbitrary::<u16>()?))),
        12 => world.wait_until_due(),
        13 | 14 => {
            world.transmit(usize::from(u.arbitrary::<u8>()?));
        }
        15 => world.ack_some(u.arbitrary()?, u.arbitrary()?),
        16 => world.receive_noise(u.arbitrary()?, u.arbitrary()?),
        17 => {
            let (stream, len) = (u.arbitrary()?, length(u)?);
            world.peer_says(stream, len);
        }
        18 => {
            let (stream, kind) = (u.arbitrary()?, u.arbitrary()?);
            world.peer_signals(stream, kind);
        }
        19 => {
            let len = length(u)?;
            world.peer_sends(len);
        }
        20 | 21 => {
            let (most, is_rude) = (u.arbitrary::<u8>()?, u.arbitrary::<u8>()? > 250);
            world.deliver_next(usize::from(most), is_rude);
        }
        22 => world.deliver_any(u.arbitrary()?, u.arbitrary()?),
        _ => world.publication(u.arbitrary::<u8>()? % 2 == 0),
    }
    Ok(())
}

/// A number of bytes, now and then many.
fn length(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok(match u.arbitrary::<u8>()? {
        byte @ ..200 => usize::from(byte),
        200..250 => usize::from(u.arbitrary::<u16>()?) % 4096,
        _ => usize::from(u.arbitrary::<u16>()?),
    })
}

fn loss(byte: u8) -> Loss {
    match byte % 16 {
        0 => Loss::Closed { code: Some(1000) },
        4 => Loss::Failed,
        8 => Loss::Silent,
        _ => Loss::Slept,
    }
}
