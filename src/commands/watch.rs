//! Doing something until it is done, somebody asks for the end, or nobody listens any more.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals::{Signals, Stop};
use crate::ui::{Event, Printer};

/// Why a command ends: somebody asked for it, or it failed.
pub(crate) type Ending = Result<Stop, Failure>;

/// Ends the events of a command that was asked to stop, and gives its exit.
pub(crate) fn stopped(stop: Stop, printer: Printer) -> Exit {
    // Where standard output fails, the printer's owner learns it elsewhere.
    drop(printer.event(&Event::Ended { cause: stop.cause() }));
    stop.into()
}

/// Waits for `work`, which is dropped when something else ends it.
pub(crate) fn during<T>(
    signals: &mut Signals,
    printer: Printer,
    work: impl Future<Output = Result<T, Failure>>,
) -> impl Future<Output = Result<T, Ending>> {
    // Calls of the SDK are large while they wait.
    let work = Box::pin(work);
    async move {
        tokio::select! {
            biased;
            stop = signals.next() => Err(Ok(stop)),
            failure = printer.broken() => Err(Err(failure)),
            done = work => done.map_err(Err),
        }
    }
}

/// Whether work that makes requests is between two of them. Whoever does the work says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Between(Arc<AtomicBool>);

impl Between {
    /// Says that no request is under way until the work goes on.
    pub(crate) fn requests(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Waits for work that must not be dropped in the middle of a request: when somebody asks for the
/// end, it is dropped as soon as it is between two; when they ask again, at once.
pub(crate) fn to_a_boundary<T>(
    signals: &mut Signals,
    between: &Between,
    work: impl Future<Output = T>,
    on_stop: impl FnOnce(),
) -> impl Future<Output = Result<T, Stop>> {
    drive(signals, between, Box::pin(work), on_stop)
}

async fn drive<T>(
    signals: &mut Signals,
    between: &Between,
    mut work: Pin<Box<impl Future<Output = T>>>,
    on_stop: impl FnOnce(),
) -> Result<T, Stop> {
    let mut on_stop = Some(on_stop);
    let mut asked = None;
    let mut is_between = false;
    loop {
        let step = poll_fn(|context| {
            between.take();
            let polled = work.as_mut().poll(context);
            is_between = between.take();
            match polled {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if asked.is_some() && is_between => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        tokio::select! {
            biased;
            stop = signals.next() => {
                if asked.is_some() || is_between {
                    return Err(asked.unwrap_or(stop));
                }
                asked = Some(stop);
                if let Some(tell) = on_stop.take() {
                    tell();
                }
            }
            done = step => match (done, asked) {
                (Some(done), _) => return Ok(done),
                (None, Some(stop)) => return Err(stop),
                // It was not asked for: the work goes on.
                (None, None) => {}
            }
        }
    }
}
