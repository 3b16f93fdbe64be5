//! Parts against a plain list of what happened.

mod damage;
mod directory;
mod history;
mod reads;
