//! The server as a library: a real listener on a free port, and clients that speak message by
//! message. What drivers see is tested end to end elsewhere; here is what no driver would do, and
//! what is hard to reach from outside: cancelling, limits, stopping.

mod cancelling;
mod client;
mod copying;
mod extended;
mod fixture;
mod starting;
mod stopping;
