-- name: STEPS_TAKEN
SELECT steps FROM object_schema;

-- name: TAKE_STEP
INSERT INTO object_schema (id, steps) VALUES (0, 1) ON CONFLICT (id) DO UPDATE SET steps = steps + 1;
