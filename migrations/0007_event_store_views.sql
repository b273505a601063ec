-- What several statements of the event store ask. Objects run this file, too.

-- The newest fold; no row before the first.
CREATE VIEW IF NOT EXISTS last_fold AS
SELECT from_seq, to_seq, folded_at, mark FROM folds ORDER BY from_seq DESC LIMIT 1;

-- Segments that wait to be folded: rollups and ledgers don't hold them yet.
CREATE VIEW IF NOT EXISTS waiting_segments AS
SELECT * FROM segments WHERE seq > coalesce((SELECT to_seq FROM last_fold), 0);

-- The mark at each number of which it can be told: of the segments that are kept, of the last one that was folded, and 0
-- at the beginning.
CREATE VIEW IF NOT EXISTS marks AS
SELECT seq, mark FROM segments
UNION ALL SELECT to_seq, mark FROM last_fold
UNION ALL SELECT 0, 0;

-- Each fold, with the time (ms) from which on later folds have changed rollups: one that never comes if there were none.
-- Segments outlive what a reader remembers.
CREATE VIEW IF NOT EXISTS fold_changes AS
SELECT from_seq, folded_at, mark, coalesce((
         SELECT min(first_ms) FROM segments
         WHERE seq > known.to_seq AND seq <= (SELECT to_seq FROM last_fold)
       ), 9007199254740991) AS changed_from
FROM folds AS known;
