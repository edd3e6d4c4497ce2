//! The parts of a distributed evaluation, put together in one process, beside the evaluation of one machine.

use super::*;
