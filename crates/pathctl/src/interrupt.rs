//! The operator's wish to stop: Ctrl-C, `kill`, or a closed terminal.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::error::CliError;

/// Tells whoever waits that the operator wants to stop. Cheap to clone.
#[derive(Clone)]
pub struct Interrupt {
    requested: watch::Receiver<bool>,
}

impl Interrupt {
    /// Starts listening for the signals; from now on they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses to install a handler.
    pub fn listen() -> Result<Self, CliError> {
        let handler =
            |kind| signal(kind).map_err(|error| CliError::failed("listening for signals", &error, "try again"));
        let mut interrupt = handler(SignalKind::interrupt())?;
        let mut terminate = handler(SignalKind::terminate())?;
        let mut hangup = handler(SignalKind::hangup())?;
        let (sender, requested) = watch::channel(false);
        tokio::spawn(async move {
            wait_for_any(&mut interrupt, &mut terminate, &mut hangup).await;
            let _ = sender.send(true);
            // The handlers stay installed: a second Ctrl-C must not end the process before it has cleaned up.
            std::future::pending::<()>().await;
        });
        Ok(Self { requested })
    }

    /// Whether a stop was asked for.
    pub fn requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until a stop is asked for.
    pub async fn wait(&mut self) {
        // An error means that the listener is gone, which it never is before the runtime is.
        let _ = self.requested.wait_for(|requested| *requested).await;
    }

    /// Runs `work` until it ends or a stop is asked for.
    ///
    /// # Errors
    /// [`CliError::Interrupted`], or what `work` fails with.
    pub async fn unless<T>(&self, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        let mut interrupt = self.clone();
        tokio::select! {
            outcome = work => outcome,
            () = interrupt.wait() => Err(CliError::Interrupted),
        }
    }
}

async fn wait_for_any(interrupt: &mut Signal, terminate: &mut Signal, hangup: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
