//! Outcomes gathered into few transactions: with SQLite every commit waits for the disk, so that
//! sixty-four in one cost little more than one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Committed, Outcome, Store, StoreError};

/// Outcomes in one transaction.
const MAX_BATCH: usize = 64;
/// How long the first of a batch waits for others.
const MAX_WAIT: Duration = Duration::from_millis(20);

type Answer = Result<Committed, Arc<StoreError>>;

/// Hands outcomes to the task that commits them.
#[derive(Debug, Clone)]
pub struct Gatherer {
    sender: mpsc::Sender<(Outcome, oneshot::Sender<Answer>)>,
}

impl Gatherer {
    /// A gatherer, and the work that it needs done: spawn it. It ends when every gatherer is dropped.
    pub fn new(store: Store) -> (Self, impl Future<Output = ()> + Send) {
        Self::waiting(store, MAX_WAIT)
    }

    /// The same, in which the first of a batch waits `wait` for others: not at all, where work is done one by one.
    pub fn waiting(store: Store, wait: Duration) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(MAX_BATCH * 4);
        (Self { sender }, run(store, receiver, wait))
    }

    /// Commits an outcome, together with others.
    ///
    /// # Errors
    /// When the transaction failed: nothing was written, and the work will be claimed again.
    pub async fn commit(&self, outcome: Outcome) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let gone = || Arc::new(StoreError::Inconsistent("the committing task has ended".to_owned()));
        self.sender.send((outcome, sender)).await.map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

async fn run(store: Store, mut receiver: mpsc::Receiver<(Outcome, oneshot::Sender<Answer>)>, wait: Duration) {
    while let Some(first) = receiver.recv().await {
        let mut outcomes = Vec::with_capacity(MAX_BATCH);
        let mut senders = Vec::with_capacity(MAX_BATCH);
        let mut push = |(outcome, sender)| {
            outcomes.push(outcome);
            senders.push(sender);
        };
        push(first);
        let until = Instant::now() + wait;
        for _ in 1..MAX_BATCH {
            match timeout_at(until, receiver.recv()).await {
                Ok(Some(next)) => push(next),
                Ok(None) | Err(_) => break,
            }
        }
        let answers: Vec<Answer> = match store.commit(&outcomes).await {
            Ok(results) => results.into_iter().map(|result| result.map_err(Arc::new)).collect(),
            Err(error) => {
                let error = Arc::new(error);
                outcomes.iter().map(|_| Err(error.clone())).collect()
            }
        };
        for (sender, answer) in senders.into_iter().zip(answers) {
            // Whoever asked may have been cancelled; what was written stands.
            let _ = sender.send(answer);
        }
    }
}
