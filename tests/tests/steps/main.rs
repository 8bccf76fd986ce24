//! The steps of a rotation: what they do undisturbed, what they refuse, what people do in between.

mod admin_tokens;
mod admins;
mod bad_answers;
mod bad_current;
mod bad_input;
mod bad_texts;
mod beside;
mod calls;
mod clocks;
mod dead_keys;
mod deletions;
mod enrolment;
mod grace;
mod hands;
mod held_values;
mod judge;
mod lag;
mod messages;
mod moved_labels;
mod one_answer;
mod possession;
mod promotion;
mod retries;
mod rights;
mod rotation;
mod tokens;
