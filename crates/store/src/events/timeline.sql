-- name: LOG
-- How far the log goes, and whether it has the position that the reader knows: number ?1, mark ?2.
SELECT coalesce(segment.seq, 0) AS seq, coalesce(segment.mark, 0) AS mark,
       coalesce(last_fold.to_seq, 0) AS folded_seq, coalesce(last_fold.mark, 0) AS folded_mark,
       ?2 = coalesce((SELECT mark FROM marks WHERE seq = ?1), 0) AS is_continued
FROM (SELECT 1)
LEFT JOIN (SELECT seq, mark FROM segments ORDER BY seq DESC LIMIT 1) AS segment
LEFT JOIN last_fold;

-- name: MARK_AT
SELECT coalesce((SELECT mark FROM marks WHERE seq = ?1), 0) AS mark;
