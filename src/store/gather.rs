//! Outcomes gathered into few transactions: with SQLite every commit waits for the disk, so that many in one cost little
//! more than one. Whatever came in while one commit was under way goes into the next: nobody waits for company.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{Committed, Outcome, Store, StoreError};

/// Outcomes in one transaction.
const MAX_BATCH: usize = 256;

type Answer = Result<Committed, Arc<StoreError>>;

/// Hands outcomes to the task that commits them.
#[derive(Debug, Clone)]
pub struct Gatherer {
    sender: mpsc::Sender<(Outcome, oneshot::Sender<Answer>)>,
}

impl Gatherer {
    /// A gatherer, and the work that it needs done: spawn it. It ends when every gatherer is dropped.
    pub fn new(store: Store) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(MAX_BATCH * 2);
        (Self { sender }, run(store, receiver))
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

async fn run(store: Store, mut receiver: mpsc::Receiver<(Outcome, oneshot::Sender<Answer>)>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while receiver.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let (outcomes, senders): (Vec<Outcome>, Vec<oneshot::Sender<Answer>>) = batch.drain(..).unzip();
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
