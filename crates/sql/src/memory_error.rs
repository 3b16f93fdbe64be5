//! What a person is told when queries run out of memory: which part of a query took it, in words of
//! SQL, and what can be done.
//!
//! Refuses to show the names that the engine gives its operators.

use crate::query_memory::Refusal;
use crate::{Error, Fault};

/// How many parts a message names.
const NAMED_MAX: usize = 3;

/// Names of memory consumers start like this, and stand for this part of a query.
const PARTS: [(&str, &str); 14] = [
    ("cursor ", ""),
    ("ExternalSorter", "sorting (ORDER BY)"),
    ("SortPreservingMerge", "sorting (ORDER BY)"),
    ("TopK", "ORDER BY with LIMIT"),
    ("PartitionedTopK", "ORDER BY with LIMIT"),
    ("HashJoin", "a join"),
    ("SMJ", "a join"),
    ("SymmetricHashJoin", "a join"),
    ("PiecewiseMergeJoin", "a join"),
    ("NestedLoopJoin", "a join without an equality"),
    ("CrossJoin", "a cross join"),
    ("RecursiveQuery", "WITH RECURSIVE"),
    ("WindowAgg", "window functions"),
    ("BoundedWindowAgg", "window functions"),
];

pub(crate) fn out_of_memory(message: &str) -> Error {
    let error = match Refusal::of_message(message) {
        Some(Refusal::Limit(bytes)) => Error::new(
            Fault::OutOfMemory,
            format!("the query needs more memory than a query may have ({})", size_text(bytes)),
        )
        .with_hint(
            "Narrow the query, read it in parts, or raise work_mem; --query-memory of the server \
             bounds it. A cursor without SCROLL and HOLD needs no memory of its own.",
        ),
        Some(Refusal::Total(bytes)) => Error::new(
            Fault::OutOfMemory,
            format!(
                "running queries hold all the memory that they may have ({})",
                size_text(bytes)
            ),
        )
        .with_hint(
            "Try again when fewer queries run, narrow the query, or raise --memory-budget of the \
             server. A lower --query-memory lets more queries run side by side.",
        ),
        None => Error::new(Fault::OutOfMemory, "the query needs more memory than there is")
            .with_hint("Narrow the query, or read it in parts."),
    };
    match consumers(message).as_slice() {
        [] => error,
        consumers => {
            error.with_detail(format!("Most of the query's is held by {}.", consumers.join(", ")))
        }
    }
}

fn size_text(bytes: usize) -> String {
    let (unit, bytes_of_unit) = match bytes {
        0..0x10_0000 => ("kB", 1 << 10),
        _ => ("MB", 1 << 20),
    };
    format!("{} {unit}", bytes / bytes_of_unit)
}

/// The largest parts with what they hold, largest first, each part once.
fn consumers(message: &str) -> Vec<String> {
    let mut parts: Vec<(String, &str)> = Vec::new();
    for line in message.lines() {
        let Some((name, rest)) = line.trim().split_once('#') else { continue };
        let Some((_, rest)) = rest.split_once(" consumed ") else { continue };
        let size = rest.split(", peak").next().unwrap_or(rest);
        let part = part(name);
        if !size.starts_with("0.0 ") && parts.iter().all(|(named, _)| *named != part) {
            parts.push((part, size));
        }
    }
    parts.into_iter().take(NAMED_MAX).map(|(part, size)| format!("{part} ({size})")).collect()
}

fn part(consumer: &str) -> String {
    if consumer.contains("Aggregate") {
        return "grouping (GROUP BY, DISTINCT)".to_owned();
    }
    match PARTS.iter().find(|(start, _)| consumer.starts_with(start)) {
        Some((_, "")) => format!("rows kept for {consumer}"),
        Some((_, part)) => (*part).to_owned(),
        None => "rows between steps of a query".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_are_told_in_words_of_sql() {
        let message = "Additional allocation failed for ExternalSorter[0] with top memory \
            consumers (across reservations) as:\n  \
            FinalHashAggregateStream[1]#7(can spill: true) consumed 100.5 MB, peak 120.0 MB,\n  \
            PartialHashAggregateStream[0]#8(can spill: true) consumed 90.0 MB, peak 90.0 MB,\n  \
            cursor \"c\"#9(can spill: false) consumed 2.0 KB, peak 2.0 KB.\nError: Failed to \
            memory: query memory limit 201326592";
        let error = out_of_memory(message);
        assert_eq!(*error.fault(), Fault::OutOfMemory);
        assert_eq!(error.message(), "the query needs more memory than a query may have (192 MB)");
        let detail = error.detail().unwrap();
        assert!(
            detail.starts_with(
                "Most of the query's is held by grouping (GROUP BY, DISTINCT) (100.5 MB), \
                 rows kept for cursor \"c\" (2.0 KB)."
            ),
            "{detail}"
        );
    }

    #[test]
    fn nothing_of_the_engine_is_told_where_it_names_nobody() {
        let error = out_of_memory("Failed to allocate additional 1.0 MB for HashJoinInput");
        assert!(error.detail().is_none() && !error.message().contains("HashJoin"));
    }
}
