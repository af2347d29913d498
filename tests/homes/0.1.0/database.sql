PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE backup (
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    since REAL NOT NULL
) STRICT;
CREATE TABLE collection (
    section TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (section, title)
) STRICT, WITHOUT ROWID;
INSERT INTO "collection" VALUES('a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','the tramp');
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "counter" VALUES('failed',1);
INSERT INTO "counter" VALUES('synced',6);
INSERT INTO "counter" VALUES('unchanged',4);
CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    rating_key TEXT NOT NULL,
    section TEXT NOT NULL,
    path TEXT NOT NULL
) STRICT;
INSERT INTO "item" VALUES(1,'1','a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','/data/films/A Trip to the Moon (1902)/A Trip to the Moon (1902).mkv');
INSERT INTO "item" VALUES(2,'2','a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','/data/films/The Cabinet of Dr. Caligari (1920)/The Cabinet of Dr. Caligari (1920).mkv');
INSERT INTO "item" VALUES(3,'3','a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','/data/films/The Golem (1920)/The Golem (1920).mkv');
INSERT INTO "item" VALUES(4,'4','a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','/data/films/The Kid (1921)/The Kid (1921).mkv');
INSERT INTO "item" VALUES(5,'5','a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','/data/films/The Phantom Carriage (1921)/The Phantom Carriage (1921).mkv');
INSERT INTO "item" VALUES(6,'6','a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','/data/films/Nosferatu (1922)/Nosferatu (1922).mkv');
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    find TEXT NOT NULL,
    fields TEXT NOT NULL,          -- {name: [revision, value]}
    revision INTEGER,
    identified INTEGER NOT NULL,
    mirror INTEGER NOT NULL,
    rev INTEGER NOT NULL,          -- counts the records that went into it
    priority INTEGER NOT NULL,
    enqueued REAL NOT NULL,
    due REAL NOT NULL,
    failed INTEGER NOT NULL DEFAULT 0,
    leased INTEGER,                -- the rev in flight
    attempts INTEGER NOT NULL DEFAULT 0,
    missed_since REAL,             -- first time the item was not found
    misses INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    candidates TEXT,
    failures INTEGER NOT NULL DEFAULT 0,   -- of this record, however often taken up again
    first_failed REAL,
    last_failed REAL,
    passing INTEGER NOT NULL DEFAULT 0,    -- it failed of what an outage explains
    days INTEGER NOT NULL DEFAULT 0,       -- that it has been failed for
    retries INTEGER NOT NULL DEFAULT 0,
    outage_retries INTEGER NOT NULL DEFAULT 0,  -- those that followed an outage
    UNIQUE (source, key)
) STRICT;
INSERT INTO "job" VALUES(7,'action','guid:imdb://tt0000001','{"paths":[],"guids":["imdb://tt0000001"],"rating_key":null}','{"title":[null,"Which one?"]}',NULL,1,0,1,0,1795982091.453439,1795982091.453439,1,NULL,1,NULL,0,0,'ambiguous','["7", "8"]',1,1795982091.4597929,1795982091.4597929,0,0,0,0);
INSERT INTO "job" VALUES(8,'action','path:/data/films/A Trip to the Moon (1902)/A Trip to the Moon (1902).mkv','{"paths":["/data/films/A Trip to the Moon (1902)/A Trip to the Moon (1902).mkv"],"guids":[],"rating_key":null}','{"title":[null,"A Trip to the Moon, restored"]}',NULL,1,0,1,0,1795982091.467025,1795982091.467025,0,NULL,0,NULL,0,0,NULL,NULL,0,NULL,NULL,0,0,0,0);
INSERT INTO "job" VALUES(9,'action','path:/data/films/The Cabinet of Dr. Caligari (1920)/The Cabinet of Dr. Caligari (1920).mkv','{"paths":["/data/films/The Cabinet of Dr. Caligari (1920)/The Cabinet of Dr. Caligari (1920).mkv"],"guids":[],"rating_key":null}','{"title":[null,"The Cabinet of Dr. Caligari, restored"]}',NULL,1,0,1,0,1795982091.4757502,1795982091.4757502,0,NULL,0,NULL,0,0,NULL,NULL,0,NULL,NULL,0,0,0,0);
INSERT INTO "job" VALUES(10,'action','path:/data/films/The Golem (1920)/The Golem (1920).mkv','{"paths":["/data/films/The Golem (1920)/The Golem (1920).mkv"],"guids":[],"rating_key":null}','{"title":[null,"The Golem: How He Came into the World, restored"]}',NULL,1,0,1,0,1795982091.5202179,1795982091.5202179,0,NULL,0,NULL,0,0,NULL,NULL,0,NULL,NULL,0,0,0,0);
INSERT INTO "job" VALUES(11,'01M8MDZR5VVWMVPNH5TK955YZF','scene:4','{"paths":["/data/films/The Kid (1921)/The Kid (1921).mkv"],"guids":[],"rating_key":null}','{"title":[1795982091,"The Kid, restored"],"summary":[1795982091,"A tramp finds an abandoned baby and brings him up in an attic. Five years later the authorities want the boy back."],"date":[1795982091,"1921-01-21"],"user_rating":[1795982091,9.2],"studio":[1795982091,"Charles Chaplin Productions"],"actors":[1795982091,[{"name":"Charlie Chaplin","role":""},{"name":"Jackie Coogan","role":""},{"name":"Edna Purviance","role":""}]],"genres":[1795982091,["Silent","Comedy","Drama"]],"directors":[1795982091,["Charlie Chaplin"]],"collections":[1795982091,["The Tramp"]],"tagline":[1795982091,null],"poster":[1795982091,{"ref":"/scene/4/screenshot","mark":"2026-11-29T21:54:51+02:00"}]}',1795982091,1,1,1,0,1795982135.7505732,1795982135.7505732,0,NULL,0,NULL,0,0,NULL,NULL,0,NULL,NULL,0,0,0,0);
INSERT INTO "job" VALUES(12,'01M8MDZR5VVWMVPNH5TK955YZF','scene:5','{"paths":["/data/films/The Phantom Carriage (1921)/The Phantom Carriage (1921).mkv"],"guids":[],"rating_key":null}','{"title":[1795982091,"The Phantom Carriage, restored"],"summary":[1795982091,"Whoever dies last on New Year''s Eve must drive Death''s cart for a year, and David Holm has just quarrelled with his drinking friends."],"date":[1795982091,"1921-01-01"],"user_rating":[1795982091,8.4],"studio":[1795982091,"Svensk Filmindustri"],"actors":[1795982091,[{"name":"Victor Sj\u00f6str\u00f6m","role":""},{"name":"Hilda Borgstr\u00f6m","role":""},{"name":"Astrid Holm","role":""}]],"genres":[1795982091,["Silent","Fantasy","Drama"]],"directors":[1795982091,["Victor Sj\u00f6str\u00f6m"]],"collections":[1795982091,null],"tagline":[1795982091,null],"poster":[1795982091,{"ref":"/scene/5/screenshot","mark":"2026-11-29T21:54:51+02:00"}]}',1795982091,1,1,1,0,1795982135.7505732,1795982135.7505732,0,NULL,0,NULL,0,0,NULL,NULL,0,NULL,NULL,0,0,0,0);
CREATE TABLE ledger (
    item INTEGER NOT NULL REFERENCES item (id),
    field TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT,                    -- NULL: nothing is ours; "null": we emptied it
    intent TEXT,
    earlier TEXT,                  -- [intent] of writes before it that nobody saw arrive
    pending INTEGER NOT NULL DEFAULT 0,
    before TEXT,
    before_known INTEGER NOT NULL DEFAULT 0,
    before_locked INTEGER NOT NULL DEFAULT 0,
    released TEXT,
    written REAL NOT NULL,
    place INTEGER NOT NULL,        -- which of the sources came upon the field first
    PRIMARY KEY (item, field, source)
) STRICT, WITHOUT ROWID;
INSERT INTO "ledger" VALUES(1,'actors','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','[{"name": "Georges M\u00e9li\u00e8s", "role": ""}, {"name": "Bleuette Bernon", "role": ""}]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(1,'collections','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','null',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(1,'date','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','"1902-09-01"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(1,'directors','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','["Georges M\u00e9li\u00e8s"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(1,'genres','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','["Science Fiction", "Adventure", "Silent", "Short"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(1,'studio','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','"Star Film Company"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(1,'summary','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','"Six astronomers have themselves fired at the Moon from a giant gun.\nWhat they find under its surface makes them hurry home."',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(1,'title','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','"A Trip to the Moon"',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(1,'user_rating','01M8MDZR5VVWMVPNH5TK955YZF','scene:1','8.2',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(2,'actors','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','[{"name": "Werner Krauss", "role": ""}, {"name": "Conrad Veidt", "role": ""}, {"name": "Friedrich Feher", "role": ""}, {"name": "Lil Dagover", "role": ""}]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(2,'collections','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','null',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(2,'date','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','"1920-02-26"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(2,'directors','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','["Robert Wiene"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(2,'genres','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','["Silent", "Horror", "Thriller"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(2,'studio','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','"Decla-Film"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(2,'summary','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','"A showman exhibits a sleepwalker who foretells deaths, and in a town of crooked walls the deaths come.\n\nFrancis tells the story, but how far can Francis be trusted?"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(2,'title','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','"The Cabinet of Dr. Caligari"',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(2,'user_rating','01M8MDZR5VVWMVPNH5TK955YZF','scene:2','9.0',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'actors','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','[{"name": "Paul Wegener", "role": ""}, {"name": "Albert Steinr\u00fcck", "role": ""}, {"name": "Lyda Salmonova", "role": ""}]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'collections','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','null',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(3,'date','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','"1920-10-29"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'directors','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','["Paul Wegener"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'genres','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','["Silent", "Horror", "Fantasy"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'studio','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','"PAGU"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'summary','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','"In Prague a rabbi gives life to a man of clay so that he may shield his people from the emperor''s decree."',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'title','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','"The Golem: How He Came into the World"',NULL,NULL,0,'"The Golem"',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(3,'user_rating','01M8MDZR5VVWMVPNH5TK955YZF','scene:3','7.6',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'actors','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','[{"name": "Charlie Chaplin", "role": ""}, {"name": "Jackie Coogan", "role": ""}, {"name": "Edna Purviance", "role": ""}]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'collections','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','["The Tramp"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'date','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','"1921-01-21"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'directors','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','["Charlie Chaplin"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'genres','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','["Silent", "Comedy", "Drama"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'studio','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','"Charles Chaplin Productions"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'summary','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','"A tramp finds an abandoned baby and brings him up in an attic. Five years later the authorities want the boy back."',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(4,'title','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','"The Kid"',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(4,'user_rating','01M8MDZR5VVWMVPNH5TK955YZF','scene:4','9.2',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(5,'actors','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','[{"name": "Victor Sj\u00f6str\u00f6m", "role": ""}, {"name": "Hilda Borgstr\u00f6m", "role": ""}, {"name": "Astrid Holm", "role": ""}]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(5,'collections','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','null',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(5,'date','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','"1921-01-01"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(5,'directors','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','["Victor Sj\u00f6str\u00f6m"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(5,'genres','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','["Silent", "Fantasy", "Drama"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(5,'studio','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','"Svensk Filmindustri"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(5,'summary','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','"Whoever dies last on New Year''s Eve must drive Death''s cart for a year, and David Holm has just quarrelled with his drinking friends."',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(5,'title','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','"The Phantom Carriage"',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(5,'user_rating','01M8MDZR5VVWMVPNH5TK955YZF','scene:5','8.4',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(6,'actors','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','[{"name": "Max Schreck", "role": ""}, {"name": "Gustav von Wangenheim", "role": ""}, {"name": "Greta Schr\u00f6der", "role": ""}, {"name": "Alexander Granach", "role": ""}]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(6,'collections','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','null',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(6,'date','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','"1922-03-04"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(6,'directors','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','["F. W. Murnau"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(6,'genres','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','["Silent", "Horror", "Fantasy"]',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(6,'studio','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','"Prana-Film"',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(6,'summary','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','"A young clerk travels to the Carpathians to sell a house, and his customer follows him home with a cargo of earth and rats.\nOnly Ellen understands what has to be done before the cock crows."',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
INSERT INTO "ledger" VALUES(6,'title','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','"Nosferatu"',NULL,NULL,0,NULL,0,0,NULL,1795982090.7666223,1);
INSERT INTO "ledger" VALUES(6,'user_rating','01M8MDZR5VVWMVPNH5TK955YZF','scene:6','9.4',NULL,NULL,0,'null',1,0,NULL,1795982090.7959294,1);
CREATE TABLE picture (
    source TEXT NOT NULL,
    ref TEXT NOT NULL,
    tag TEXT,
    digest TEXT NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (source, ref)
) STRICT, WITHOUT ROWID;
CREATE TABLE pin (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    rating_key TEXT NOT NULL,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE plex_guid (
    guid TEXT NOT NULL,
    rating_key INTEGER NOT NULL,
    PRIMARY KEY (guid, rating_key)
) WITHOUT ROWID;
INSERT INTO "plex_guid" VALUES('local://1',1);
INSERT INTO "plex_guid" VALUES('local://2',2);
INSERT INTO "plex_guid" VALUES('local://3',3);
INSERT INTO "plex_guid" VALUES('local://4',4);
INSERT INTO "plex_guid" VALUES('local://5',5);
INSERT INTO "plex_guid" VALUES('local://6',6);
INSERT INTO "plex_guid" VALUES('imdb://tt0000001',7);
INSERT INTO "plex_guid" VALUES('local://7',7);
INSERT INTO "plex_guid" VALUES('imdb://tt0000001',8);
INSERT INTO "plex_guid" VALUES('local://8',8);
CREATE TABLE plex_item (
    rating_key INTEGER PRIMARY KEY,
    section TEXT NOT NULL,
    type INTEGER NOT NULL,
    listing INTEGER NOT NULL
);
INSERT INTO "plex_item" VALUES(1,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
INSERT INTO "plex_item" VALUES(2,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
INSERT INTO "plex_item" VALUES(3,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
INSERT INTO "plex_item" VALUES(4,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
INSERT INTO "plex_item" VALUES(5,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
INSERT INTO "plex_item" VALUES(6,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
INSERT INTO "plex_item" VALUES(7,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
INSERT INTO "plex_item" VALUES(8,'a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd',1,1);
CREATE TABLE plex_part (
    path_key TEXT NOT NULL,
    rating_key INTEGER NOT NULL,
    path TEXT,
    PRIMARY KEY (path_key, rating_key)
) WITHOUT ROWID;
INSERT INTO "plex_part" VALUES('/data/films/A Trip to the Moon (1902)/A Trip to the Moon (1902).mkv',1,NULL);
INSERT INTO "plex_part" VALUES('/data/films/Nosferatu (1922)/Nosferatu (1922).mkv',6,NULL);
INSERT INTO "plex_part" VALUES('/data/films/One.mkv',7,NULL);
INSERT INTO "plex_part" VALUES('/data/films/Other.mkv',8,NULL);
INSERT INTO "plex_part" VALUES('/data/films/The Cabinet of Dr. Caligari (1920)/The Cabinet of Dr. Caligari (1920).mkv',2,NULL);
INSERT INTO "plex_part" VALUES('/data/films/The Golem (1920)/The Golem (1920).mkv',3,NULL);
INSERT INTO "plex_part" VALUES('/data/films/The Kid (1921)/The Kid (1921).mkv',4,NULL);
INSERT INTO "plex_part" VALUES('/data/films/The Phantom Carriage (1921)/The Phantom Carriage (1921).mkv',5,NULL);
CREATE TABLE plex_section (
    uuid TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    locations TEXT NOT NULL,
    changed_at INTEGER NOT NULL DEFAULT 0,
    listing INTEGER NOT NULL DEFAULT 0,
    newest INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO "plex_section" VALUES('a924a58b-c6a3-5ddb-a8cc-3cf4a0ba11dd','1','movie','["/data/films"]',9,1,1795982068);
CREATE TABLE recent (
    id INTEGER PRIMARY KEY,
    good INTEGER NOT NULL,
    seconds REAL NOT NULL
) STRICT;
INSERT INTO "recent" VALUES(1,1,0.011294162833337396);
INSERT INTO "recent" VALUES(2,1,0.011294162833337396);
INSERT INTO "recent" VALUES(3,1,0.011294162833337396);
INSERT INTO "recent" VALUES(4,1,0.011294162833337396);
INSERT INTO "recent" VALUES(5,1,0.011294162833337396);
INSERT INTO "recent" VALUES(6,1,0.011294162833337396);
INSERT INTO "recent" VALUES(7,0,0.0013347789999897941);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "setting" VALUES('cursor:01M8MDZR5VVWMVPNH5TK955YZF','{"v":1,"kinds":{"scenes":["2026-11-29T21:54:51+02:00","eda3645a08fa8588","may"],"performers":["2026-11-29T21:54:28+02:00","257838c15b8725e1",""],"studios":["2026-11-29T21:54:28+02:00","3819970a44817d99",""],"tags":["2026-11-29T21:54:28+02:00","7eda2b907bcce4ff",""],"groups":["2026-11-29T21:54:28+02:00","c4fa57f6ba7fd3ac",""]}}');
INSERT INTO "setting" VALUES('last_sync','1795982090.7959294');
INSERT INTO "setting" VALUES('ledger_id','a279ea86f96f52a1');
INSERT INTO "setting" VALUES('pruned','1795982090.1119895');
INSERT INTO "setting" VALUES('settings:01M8MDZR5VVWMVPNH5TK955YZF','f5111f4b7553b4c7e92a5672a07c5c482ee7e9f44e5603752ca2f642d112affa');
INSERT INTO "setting" VALUES('settings:action','f50f0575947a4c9d169420f5490105416158249637971ff29a04bedbe3a3e877');
INSERT INTO "setting" VALUES('sources','["01M8MDZR5VVWMVPNH5TK955YZF"]');
CREATE TABLE settled (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,     -- of the newest record that was brought into line
    plain TEXT NOT NULL,           -- the same without its pictures
    token TEXT NOT NULL,           -- names its revision
    revisions TEXT NOT NULL,       -- {field: revision} of what was written
    rating_key TEXT,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "settled" VALUES('01M8MDZR5VVWMVPNH5TK955YZF','scene:1','59b41cf6a8ed640c798656e42ec4bc8da14af17ff9c4055469a0d8cfc3c63290','6d6bbd7b516c52b5287cbc07c294adc3b729cfb9c00027c232ec651f38c8fd36','1795982068','{"title":1795982068,"summary":1795982068,"date":1795982068,"user_rating":1795982068,"studio":1795982068,"actors":1795982068,"genres":1795982068,"directors":1795982068,"collections":1795982068,"tagline":1795982068,"poster":1795982068}','1');
INSERT INTO "settled" VALUES('01M8MDZR5VVWMVPNH5TK955YZF','scene:2','bc4ae9a92e52adddb7fac73375d68b8dd44b3ad495cf8ddb1ad262eb845328e7','8ae46728bd7b1da3e1cbc50300583f5a135000778acb0608f23132d48d347883','1795982068','{"title":1795982068,"summary":1795982068,"date":1795982068,"user_rating":1795982068,"studio":1795982068,"actors":1795982068,"genres":1795982068,"directors":1795982068,"collections":1795982068,"tagline":1795982068,"poster":1795982068}','2');
INSERT INTO "settled" VALUES('01M8MDZR5VVWMVPNH5TK955YZF','scene:3','3c86d23f1f2a6c5b8c2c0671eb312dd69caea09bfd344b702a924ad0037c20c8','9efc3837518b9b33c4ea60be1909fa86edd6e50258c57ea29e14043018486c33','1795982068','{"title":1795982068,"summary":1795982068,"date":1795982068,"user_rating":1795982068,"studio":1795982068,"actors":1795982068,"genres":1795982068,"directors":1795982068,"collections":1795982068,"tagline":1795982068,"poster":1795982068}','3');
INSERT INTO "settled" VALUES('01M8MDZR5VVWMVPNH5TK955YZF','scene:4','4133a0bbf4a7d2092e34cd0defa3b83660c29ff37c4bbb52e76097e58b5da78e','ddca6f284096d04ff3c1c828fd6b25a2cec9b8bb3c89fc596e030b84432b10e8','1795982068','{"title":1795982068,"summary":1795982068,"date":1795982068,"user_rating":1795982068,"studio":1795982068,"actors":1795982068,"genres":1795982068,"directors":1795982068,"collections":1795982068,"tagline":1795982068,"poster":1795982068}','4');
INSERT INTO "settled" VALUES('01M8MDZR5VVWMVPNH5TK955YZF','scene:5','d88b2463c59bf611ba41b1c89860f546944ebfdac3bc2a107687abcd6acccb66','f52ac3a34043288f8306d36e4fd3f2c0ed48c91d93e1f1074476978b73c5535f','1795982068','{"title":1795982068,"summary":1795982068,"date":1795982068,"user_rating":1795982068,"studio":1795982068,"actors":1795982068,"genres":1795982068,"directors":1795982068,"collections":1795982068,"tagline":1795982068,"poster":1795982068}','5');
INSERT INTO "settled" VALUES('01M8MDZR5VVWMVPNH5TK955YZF','scene:6','87e65b87bc0a97a0895284e67daff4a02bffca5d2fa904c131b756858aec49cf','a54ec0d43afe2e597adf49ebac0d77d1c940111b5d5a3a6bbe4bde91ee178232','1795982068','{"title":1795982068,"summary":1795982068,"date":1795982068,"user_rating":1795982068,"studio":1795982068,"actors":1795982068,"genres":1795982068,"directors":1795982068,"collections":1795982068,"tagline":1795982068,"poster":1795982068}','6');
CREATE INDEX job_ready ON job (priority, due, id)
    WHERE failed = 0 AND leased IS NULL;
CREATE INDEX job_enqueued ON job (enqueued) WHERE failed = 0;
CREATE INDEX job_failed ON job (id) WHERE failed = 1;
CREATE INDEX item_rating_key ON item (rating_key);
CREATE INDEX item_path ON item (section, path);
CREATE INDEX ledger_written ON ledger (written);
CREATE INDEX plex_item_section ON plex_item (section, type);
CREATE INDEX plex_part_item ON plex_part (rating_key);
CREATE INDEX plex_guid_item ON plex_guid (rating_key);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('job',12);
COMMIT;
