/**
 * What a start has to do at most, and with it what has to be there before it begins: `sessions` need the agent's key and
 * program, and all that effects need; `effects` need their destinations' keys alone; `nothing` needs nothing.
 */
export type LeftToDo = 'sessions' | 'effects' | 'nothing';
