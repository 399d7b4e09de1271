/** Whether PostgreSQL can keep a text: without U+0000 and halves of surrogate pairs. Source: PostgreSQL, 8.14 (JSON types). */
export const isKeepable = (text: string): boolean => !/[\0\p{Cs}]/u.test(text);
