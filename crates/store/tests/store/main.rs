//! The store from outside: what an embedder can rely on, on real directories and hostile ones.

mod backup;
mod bulk;
mod cuts;
mod damage;
mod durability;
mod fixture;
mod groups;
mod hostile;
mod kill;
mod pages;
mod random;
mod recovery;
mod sealed;
mod staged;
mod staged_random;
mod subscriptions;
mod terms;
mod verify;
