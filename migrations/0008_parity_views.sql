-- The newest revision of each report.
CREATE VIEW newest_parity_reports AS
SELECT * FROM parity_reports AS report
WHERE revision = (
  SELECT max(revision) FROM parity_reports
  WHERE kind = report.kind AND start = report.start AND end = report.end);
