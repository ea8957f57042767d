mod driver;

use std::time::{Duration, Instant};

use adit_engine::{Activity, Closing, Loss, Resumption, Setback, SupervisorConfig, Trouble};
use arbitrary::{Result, Unstructured};

use self::driver::Driver;

/// The most steps of one run.
const STEPS: usize = 300;

const TROUBLES: [Trouble; 6] = [
    Trouble::Passing,
    Trouble::Offline,
    Trouble::Denied,
    Trouble::Token,
    Trouble::Way,
    Trouble::Lasting,
];

const CLOSINGS: [Closing; 6] = [
    Closing::Service,
    Closing::Unreachable,
    Closing::Unanswered,
    Closing::Incompatible,
    Closing::Garbled,
    Closing::Own,
];

/// A supervisor with a driver that does what it is asked to, and a world in which anything succeeds,
/// fails or ends at any time: it asks for one thing at a time that makes sense, it is never left
/// waiting for nothing, and it comes to an end when nothing works any more, or back when all does.
pub fn supervise(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let Ok(mut driver) = begin(&mut u) else { return };
    // An input that is too short ends early, and all before it counts.
    let _ended = steps(&mut driver, &mut u);
    let mut other = driver_of(input);
    driver.all_works();
    if let Some(other) = &mut other {
        other.nothing_works();
    }
}

/// The same run again, for another end.
fn driver_of(input: &[u8]) -> Option<Driver> {
    let mut u = Unstructured::new(input);
    let mut driver = begin(&mut u).ok()?;
    let _ended = steps(&mut driver, &mut u);
    Some(driver)
}

fn begin(u: &mut Unstructured<'_>) -> Result<Driver> {
    let budgets = [Duration::from_mins(10), Duration::ZERO, Duration::from_mins(1), Duration::MAX];
    let mut budget = || Ok(budgets[usize::from(u.arbitrary::<u8>()?) % 4]);
    let (start_budget, resume_budget) = (budget()?, budget()?);
    let idle = u.arbitrary::<u8>()?;
    let rollover = u.arbitrary::<u8>()?;
    let config = SupervisorConfig {
        start_budget,
        resume_budget,
        idle: (idle > 0).then(|| Duration::from_mins(u64::from(idle))),
        rollover: (rollover > 0).then(|| Duration::from_mins(u64::from(rollover))),
        ..SupervisorConfig::default()
    };
    Ok(Driver::new(config, u64::from(u.arbitrary::<u8>()?)))
}

fn steps(driver: &mut Driver, u: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..STEPS {
        if u.is_empty() {
            break;
        }
        step(driver, u)?;
        driver.check();
    }
    Ok(())
}

fn step(driver: &mut Driver, u: &mut Unstructured<'_>) -> Result<()> {
    match u.arbitrary::<u8>()? % 16 {
        0..=3 => driver.succeed(Resumption::Ticket),
        4 => driver.succeed(Resumption::Over),
        5 | 6 => {
            let trouble = TROUBLES[usize::from(u.arbitrary::<u8>()?) % TROUBLES.len()];
            let after = match u.arbitrary::<u8>()? {
                0 => Some(Duration::MAX),
                byte @ 1..64 => Some(Duration::from_secs(u64::from(byte))),
                _ => None,
            };
            driver.fail(Setback { trouble, after });
        }
        7 => driver.answer_unasked(u.arbitrary()?),
        8 => {
            let byte = u.arbitrary::<u8>()?;
            let loss = [Loss::Closed { code: Some(1000) }, Loss::Silent, Loss::Failed, Loss::Slept];
            driver.lose(loss[usize::from(byte) % 4], byte > 127);
        }
        9 => driver.become_ready(),
        10 => driver.close(CLOSINGS[usize::from(u.arbitrary::<u8>()?) % CLOSINGS.len()]),
        11 => driver.dial(u.arbitrary::<u8>()? % 4 == 0),
        12 => driver.want(),
        13 => driver.wait(Duration::from_millis(u64::from(u.arbitrary::<u16>()?))),
        14 => driver.wait_until_due(),
        _ => {
            let activity = activity(driver, u)?;
            driver.activity = activity;
        }
    }
    Ok(())
}

/// How busy the session is said to be.
fn activity(driver: &Driver, u: &mut Unstructured<'_>) -> Result<Activity> {
    let mut moment = || moment(driver, u);
    let (quiet_since, unanswered_since, last_payload) = (moment()?, moment()?, moment()?);
    let byte = u.arbitrary::<u8>()?;
    Ok(Activity {
        quiet_since,
        unanswered_since,
        away_since: if byte & 64 > 0 { self::moment(driver, u)? } else { None },
        last_payload,
        streams: usize::from(byte % 4),
        held: usize::from(byte & 128 > 0),
        established: usize::from(byte % 4 / 2),
        proven: byte & 32 > 0,
    })
}

fn moment(driver: &Driver, u: &mut Unstructured<'_>) -> Result<Option<Instant>> {
    let ago = u.arbitrary::<u16>()?;
    Ok(if ago % 3 == 0 { None } else { driver.ago(Duration::from_millis(u64::from(ago) * 40)) })
}
