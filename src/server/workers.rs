//! The threads that connections run on.
//!
//! One listener accepts; each accepted socket is given to the worker with the
//! fewest connections, and stays there. A worker is a runtime of one thread:
//! its connections share its caches, and wake no other thread.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Runtimes to serve connections on; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts so many threads.
    ///
    /// # Errors
    /// The system's, when it gives no thread or no poller.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let workers: io::Result<Vec<_>> = (0..count).map(Worker::start).collect();
        workers.map(Self)
    }

    /// The calling runtime as the only worker.
    pub(super) fn current() -> Self {
        Self(vec![Worker {
            handle: Handle::current(),
            stop: None,
            thread: None,
        }])
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether connections run on threads other than the caller's.
    pub(super) fn are_apart(&self) -> bool {
        self.0.iter().any(|worker| worker.thread.is_some())
    }

    /// Runs a connection on a worker.
    pub(super) fn spawn(&self, worker: usize, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(worker) = self.0.get(worker) {
            worker.handle.spawn(task);
        }
    }
}

impl Worker {
    fn start(index: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || {
                // The end of the sender is the end of the worker.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A worker that has panicked has nothing more to end.
            let _ = thread.join();
        }
    }
}
