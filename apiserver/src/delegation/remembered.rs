//! Answers of the cluster, remembered for a short while: a client that sends a hundred requests a second must not become
//! a hundred questions.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// How many answers are kept. Whoever asks for more at once is asked about again.
const ANSWERS_MAX: usize = 8192;

/// Answers by question.
pub struct Remembered<Q, A>(Mutex<HashMap<Q, (Instant, A)>>);

impl<Q, A> Default for Remembered<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q: Eq + Hash, A: Clone> Remembered<Q, A> {
    /// The answer to a question, while it holds.
    pub fn get(&self, question: &Q) -> Option<A> {
        let answers = self.answers();
        answers.get(question).filter(|(until, _)| Instant::now() < *until).map(|(_, answer)| answer.clone())
    }

    /// Remembers an answer for a while.
    pub fn put(&self, question: Q, answer: A, ttl: Duration) {
        if ttl.is_zero() {
            return;
        }
        let now = Instant::now();
        let mut answers = self.answers();
        if answers.len() >= ANSWERS_MAX {
            answers.retain(|_, (until, _)| now < *until);
            if answers.len() >= ANSWERS_MAX {
                answers.clear();
            }
        }
        answers.insert(question, (now + ttl, answer));
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Q, (Instant, A)>> {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHILE: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn an_answer_holds_for_a_while() {
        let answers = Remembered::default();
        answers.put("alice", 1, WHILE);
        answers.put("bob", 2, Duration::ZERO);
        assert_eq!((answers.get(&"alice"), answers.get(&"bob")), (Some(1), None));
        tokio::time::sleep(WHILE).await;
        assert_eq!(answers.get(&"alice"), None);
    }

    #[tokio::test]
    async fn what_has_expired_makes_room() {
        let answers = Remembered::default();
        (0..ANSWERS_MAX).for_each(|n| answers.put(n, n, WHILE));
        tokio::time::sleep(WHILE).await;
        (ANSWERS_MAX..ANSWERS_MAX + 9).for_each(|n| answers.put(n, n, WHILE));
        assert_eq!(answers.answers().len(), 9);
        (0..ANSWERS_MAX * 3).for_each(|n| answers.put(n, n, WHILE));
        assert!(answers.answers().len() <= ANSWERS_MAX, "also where none has expired");
    }
}
