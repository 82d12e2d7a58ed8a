//! A whole run: its threads, their start and their end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use futures_util::future::join;
use tokio::task::unconstrained;

use super::churn;
use super::config::BenchConfig;
use super::coordinator::Coordinator;
use super::driver::{Driver, drives};
use super::messages::{BenchError, Control, FromWorker, Live};
use super::summary::Summary;
use super::usage::rss_bytes;

/// Tells the coordinator, which would wait for ever, of a panic.
struct PanicNotice<'a>(&'a Control);

impl Drop for PanicNotice<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.tell(FromWorker::Panicked);
        }
    }
}

/// Runs the load and returns what was measured. `interrupt` ends the run
/// early, with what was measured until then; `observe` is told about once a
/// second how it goes.
///
/// # Errors
/// A [`BenchError`] when no load could be put on the server at all.
pub async fn run(
    config: BenchConfig,
    interrupt: impl Future<Output = ()>,
    mut observe: impl FnMut(&Live),
) -> Result<Summary, BenchError> {
    let config = Arc::new(config);
    let rss_before = rss_bytes();
    let (control, inbox) = Control::new(Arc::clone(&config));
    let control = Arc::new(control);
    let mut coordinator = Coordinator::new(Arc::clone(&control), inbox, rss_before);
    if config.on_callers_thread && config.threads == 1 {
        let coordinated = async {
            let result = coordinator.run(interrupt, &mut observe).await;
            control.stop.store(true, Ordering::Relaxed);
            result
        };
        let (result, ()) = join(coordinated, load(0, &control)).await;
        result?;
    } else {
        let threads = start_threads(&control)?;
        let result = coordinator.run(interrupt, &mut observe).await;
        // Also when the coordinator gave up: a thread sees this within a tick.
        control.stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| BenchError::Thread)?;
        }
        result?;
    }
    Ok(coordinator.summary())
}

fn start_threads(control: &Arc<Control>) -> Result<Vec<JoinHandle<()>>, BenchError> {
    let start = |number| {
        let control = Arc::clone(control);
        let builder = thread::Builder::new().name(format!("bench-{number}"));
        builder.spawn(move || work(number, &control))
    };
    let threads = 0..control.config.threads;
    threads
        .map(|number| start(number).map_err(BenchError::Start))
        .collect()
}

fn work(thread: usize, control: &Arc<Control>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            runtime.block_on(load(thread, control));
            // A name that is still looked up, which nothing can end, is not
            // waited for.
            runtime.shutdown_background();
        }
        Err(error) => control.tell(FromWorker::Failed(error)),
    }
}

/// The load of one thread.
async fn load(thread: usize, control: &Arc<Control>) {
    let _notice = PanicNotice(control);
    let result = if drives(control.config.mode) {
        match Driver::new(thread, Arc::clone(control)) {
            // Fairness is the driver's own: tokio's budget for one task would
            // cut a thread's connections short.
            Ok(driver) => {
                unconstrained(driver).await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    } else {
        churn::run(thread, Arc::clone(control)).await
    };
    if let Err(error) = result {
        control.tell(FromWorker::Failed(error));
    }
}
