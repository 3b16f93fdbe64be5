//! The model oracle: what must be so after any crash, whatever the disk lost.
//!
//! Given what was asked and answered before ([`History`]) and the disk a restart finds:
//!
//! | promise | rule that reports it broken |
//! |---|---|
//! | a crash never keeps the ledger from starting | [`Rule::RefusedToStart`] |
//! | acknowledged ⊆ survivors: every event that any answer named is there, unchanged | [`Rule::AcknowledgedLost`] |
//! | nothing is invented: the surviving frames are the submitted groups, each whole, in order, up to some group; none of them was refused | [`Rule::Invented`] |
//! | no gap in lsn, nor in the seq of a book; time rises from frame to frame | [`Rule::Gap`] |
//! | debits equal credits per asset, and every balance is the sum of the surviving postings | [`Rule::SumsDiffer`] |
//! | the sealed history is a cache: whatever is left of it, every read gives what the log alone gives | [`Rule::CacheDiffers`] |
//! | behind the survivors the log holds nothing but zeros | [`Rule::StaleBytes`] |
//! | recovering twice gives the bytes of recovering once | [`Rule::RecoveryNotRepeatable`] |
//! | what one recovery kept survives a power cut right behind it | [`Rule::RecoveredLost`] |
//! | idempotency keys hold: what survived is replayed with its original event, the rest commits, and none of it is lost by the next power cut | [`Rule::KeyForgotten`], [`Rule::AcknowledgedLost`] |
//! | the ledger goes on | [`Rule::GoesNotOn`] |
//!
//! The order monitor watches all of it.

use super::answers::{answers, difference};
use super::disk::{Loss, SparseBytes};
use super::history::{Answer, History, is_event_of};
use super::log_bytes;
use super::reading::{account_totals, frames, trial_balance};
use super::rig::{DIR, Image, Rig, Session};
use super::violation::{Rule, Violation};
use crate::fixture::asset;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use store::*;

pub(crate) fn check(rig: &Rig, image: &Image, history: &History) -> Result<(), Violation> {
    let (session, ledger) = start(rig, image)?;
    let survivors = frames(&ledger);
    check_survivors(&survivors, history)?;
    check_positions(&survivors)?;
    check_sums(&ledger, &survivors)?;
    check_caches(rig, image, &ledger, &survivors)?;
    let log = log_files(&session);
    check_nothing_behind(&log)?;
    let (killed, unplugged) = (session.image(Loss::Process), session.image(Loss::Unsynced));
    kill(&session, ledger)?;

    let (session, ledger) = start(rig, &unplugged)?;
    if frames(&ledger) != survivors {
        let text = format!("{} frames recovered, {} after", survivors.len(), frames(&ledger).len());
        return Err(Violation::new(Rule::RecoveredLost, text));
    }
    kill(&session, ledger)?;

    // On the page cache of the first start, and of whatever came before it.
    let (session, ledger) = start(rig, &killed)?;
    if frames(&ledger) != survivors || log_files(&session) != log {
        let text = "the second recovery left other bytes than the first";
        return Err(Violation::new(Rule::RecoveryNotRepeatable, text));
    }
    check_keys(&session, &ledger, history, &survivors)?;
    let more = session.submit(&ledger, &[asset("XTS")]);
    if !matches!(more.as_deref(), Ok([Outcome::Committed(_)])) {
        return Err(Violation::new(Rule::GoesNotOn, format!("{more:?}")));
    }
    let complete = frames(&ledger);
    let unplugged = session.image(Loss::Unsynced);
    kill(&session, ledger)?;

    let (session, ledger) = start(rig, &unplugged)?;
    if frames(&ledger) != complete {
        let text = "what was submitted again was acknowledged and is gone";
        return Err(Violation::new(Rule::AcknowledgedLost, text));
    }
    check_positions(&complete)?;
    check_sums(&ledger, &complete)?;
    check_caches(rig, &unplugged, &ledger, &complete)?;
    end(&session, ledger)
}

fn start(rig: &Rig, image: &Image) -> Result<(Session, Ledger), Violation> {
    let session = rig.start(image, None);
    match session.open() {
        Ok(ledger) => Ok((session, ledger)),
        Err(error) => Err(Violation::new(Rule::RefusedToStart, error.to_string())),
    }
}

/// The session is over; what its ledger would still write is nobody's business.
fn kill(session: &Session, ledger: Ledger) -> Result<(), Violation> {
    session.kill(ledger);
    session.in_order()
}

fn end(session: &Session, ledger: Ledger) -> Result<(), Violation> {
    session.close(ledger);
    session.in_order()
}

fn events(frames: &[Frame]) -> impl Iterator<Item = &Arc<Event>> {
    frames.iter().flat_map(|frame| &frame.events)
}

/// Acknowledged ⊆ survivors ⊆ submitted, group by group.
fn check_survivors(survivors: &[Frame], history: &History) -> Result<(), Violation> {
    let candidates: Vec<_> =
        history.submissions.iter().filter(|group| group.answer != Answer::Refused).collect();
    for (place, frame) in survivors.iter().enumerate() {
        let invented = |text: String| Violation::new(Rule::Invented, text);
        let Some(group) = candidates.get(place) else {
            return Err(invented(format!("nobody asked for {:?}", frame.events)));
        };
        let whole = frame.events.len() == group.drafts.len();
        let same = group.drafts.iter().zip(&frame.events).all(|(d, event)| is_event_of(d, event));
        if !whole || !same {
            return Err(invented(format!("{:?} was asked, {:?} survived", group, frame.events)));
        }
    }
    let acknowledged = candidates.iter().rposition(|group| group.answer == Answer::Acknowledged);
    let acknowledged = acknowledged.map_or(0, |place| place + 1);
    if survivors.len() < acknowledged {
        let text = format!("{} of {acknowledged} acknowledged frames survived", survivors.len());
        return Err(Violation::new(Rule::AcknowledgedLost, text));
    }
    let by_lsn: BTreeMap<Lsn, &Arc<Event>> =
        events(survivors).map(|event| (event.lsn, event)).collect();
    match history.told.iter().find(|told| by_lsn.get(&told.lsn) != Some(told)) {
        Some(told) => Err(Violation::new(Rule::AcknowledgedLost, format!("{told:?}"))),
        None => Ok(()),
    }
}

fn check_positions(frames: &[Frame]) -> Result<(), Violation> {
    let mut lsn = Lsn(0);
    let mut heads: BTreeMap<&BookName, Seq> = BTreeMap::new();
    for event in events(frames) {
        let head = heads.entry(&event.book).or_default();
        if event.lsn != lsn.next() || event.seq != head.next() {
            let text = format!("behind lsn {lsn} and seq {head} of its book: {event:?}");
            return Err(Violation::new(Rule::Gap, text));
        }
        (lsn, *head) = (event.lsn, event.seq);
    }
    match frames.windows(2).find(|pair| pair[0].at >= pair[1].at) {
        Some(pair) => Err(Violation::new(Rule::Gap, format!("time stands still: {pair:?}"))),
        None => Ok(()),
    }
}

/// The ledger's balances against sums over the surviving postings.
fn check_sums(ledger: &Ledger, frames: &[Frame]) -> Result<(), Violation> {
    let mut accounts: BTreeMap<(String, String), Totals> = BTreeMap::new();
    let mut books: BTreeMap<String, BTreeMap<String, Totals>> = BTreeMap::new();
    for event in events(frames) {
        let book = event.book.to_string();
        match &event.body {
            EventBody::AccountOpened(opening) => {
                let sums = books.entry(book.clone()).or_default();
                sums.entry(opening.asset.to_string()).or_default();
                accounts.insert((book, opening.path.to_string()), Totals::default());
            }
            EventBody::TransactionPosted(transaction) => {
                for posting in &transaction.postings {
                    let account = (book.clone(), posting.account.to_string());
                    let sums = books.entry(book.clone()).or_default();
                    let asset = sums.entry(posting.asset.to_string()).or_default();
                    for totals in [accounts.entry(account).or_default(), asset] {
                        match posting.direction {
                            Direction::Debit => totals.debits += posting.amount,
                            Direction::Credit => totals.credits += posting.amount,
                        }
                    }
                }
            }
            EventBody::AssetRegistered(_) | EventBody::AccountChanged { .. } => {}
        }
    }
    let differ = |what: String| Err(Violation::new(Rule::SumsDiffer, what));
    let answered = account_totals(ledger);
    if answered != accounts {
        return differ(format!("{answered:?} but the postings sum to {accounts:?}"));
    }
    for (book, sums) in &books {
        if trial_balance(ledger, book) != *sums {
            return differ(format!("the trial balance of {book}"));
        }
        if sums.values().any(|totals| totals.debits != totals.credits) {
            return differ(format!("{book} does not balance: {sums:?}"));
        }
    }
    Ok(())
}

/// What `ledger` answers, which was started from `image`, against the log of `image` alone.
fn check_caches(
    rig: &Rig,
    image: &Image,
    ledger: &Ledger,
    survivors: &[Frame],
) -> Result<(), Violation> {
    if image.history().is_empty() {
        return Ok(());
    }
    let (session, from_log) = start(rig, &image.without_history())?;
    let (found, due) = (answers(ledger, survivors), answers(&from_log, survivors));
    kill(&session, from_log)?;
    match difference(&found, &due) {
        Some(text) => Err(Violation::new(Rule::CacheDiffers, text)),
        None => Ok(()),
    }
}

fn log_files(session: &Session) -> BTreeMap<String, SparseBytes> {
    let mut files = session.files(&Path::new(DIR).join("log"));
    files.retain(|name, _| log_bytes::is_segment(name));
    files
}

fn check_nothing_behind(log: &BTreeMap<String, SparseBytes>) -> Result<(), Violation> {
    for (name, bytes) in log {
        let bytes = bytes.to_vec();
        let end = log_bytes::frames(&bytes, 0).last().map_or(0, |frame| frame.range.end);
        if bytes[end..].iter().any(|byte| *byte != 0) {
            let text = format!("{name} holds something behind its last frame, at {end}");
            return Err(Violation::new(Rule::StaleBytes, text));
        }
    }
    Ok(())
}

/// Submits every group of the history again, in order.
fn check_keys(
    session: &Session,
    ledger: &Ledger,
    history: &History,
    survivors: &[Frame],
) -> Result<(), Violation> {
    let survived: Vec<_> = events(survivors).cloned().collect();
    for group in &history.submissions {
        let forgotten = |text: String| Err(Violation::new(Rule::KeyForgotten, text));
        let outcomes = match session.submit(ledger, &group.drafts) {
            Ok(outcomes) => outcomes,
            Err(error) => return forgotten(format!("{:?} again: {error}", group.drafts)),
        };
        for (draft, outcome) in group.drafts.iter().zip(&outcomes) {
            let original = survived.iter().find(|event| is_event_of(draft, event));
            let right = match (outcome, original) {
                (Outcome::Committed(event), None) => is_event_of(draft, event),
                (Outcome::Replayed(event), Some(original)) => event == original,
                (Outcome::Unchanged, Some(_)) => true,
                _ => false,
            };
            if !right {
                return forgotten(format!("{draft:?} again: {outcome:?}, was {original:?}"));
            }
        }
        let committed = outcomes.iter().filter(|o| matches!(o, Outcome::Committed(_))).count();
        if committed != 0 && committed != group.drafts.len() {
            return forgotten(format!("a part of a group survived: {outcomes:?}"));
        }
    }
    Ok(())
}
