BEGIN TRANSACTION;
CREATE TABLE absence (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	first_day DATE NOT NULL, 
	last_day DATE NOT NULL, 
	reason VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE account (
	id INTEGER NOT NULL, 
	platform VARCHAR(16) NOT NULL, 
	user_id VARCHAR(128) NOT NULL, 
	person_id INTEGER NOT NULL, 
	bound_at DATETIME NOT NULL, 
	dead_since DATETIME, 
	dead_reason VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT uq_account UNIQUE (platform, user_id)
);
INSERT INTO "account" VALUES(1,'wecom','wangjianguo',1,'2026-03-10 01:30:00.000000',NULL,'');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE answer (
	id INTEGER NOT NULL, 
	visit_id INTEGER NOT NULL, 
	question VARCHAR(60) NOT NULL, 
	version INTEGER NOT NULL, 
	value VARCHAR NOT NULL, 
	note VARCHAR NOT NULL, 
	person_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	reason VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_answer_change_has_reason CHECK (version = 1 OR reason <> ''), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	CONSTRAINT uq_answer_version UNIQUE (visit_id, question, version)
);
CREATE TABLE attempt (
	id INTEGER NOT NULL, 
	notice_id INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	platform VARCHAR(16) NOT NULL, 
	at DATETIME NOT NULL, 
	outcome VARCHAR(12) NOT NULL, 
	code VARCHAR(80) NOT NULL, 
	detail VARCHAR NOT NULL, 
	ref VARCHAR NOT NULL, 
	repeated BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(notice_id) REFERENCES notice (id), 
	CONSTRAINT uq_attempt UNIQUE (notice_id, n)
);
CREATE TABLE auditentry (
	seq INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR(32) NOT NULL, 
	action VARCHAR(40) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	data JSON NOT NULL, 
	prev_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "auditentry" VALUES(1,'2026-03-10 01:30:00.000000','system','task.dispatched','task:1','{"visits": 1}','0000000000000000000000000000000000000000000000000000000000000000','6cb99fce1da5bbdef56a288ecb0f76806fc0f38566463670b417994ee0552f13');
CREATE TABLE audithead (
	id INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audithead" VALUES(1,1,'6cb99fce1da5bbdef56a288ecb0f76806fc0f38566463670b417994ee0552f13');
CREATE TABLE bindcode (
	code_sha256 VARCHAR(64) NOT NULL, 
	person_id INTEGER NOT NULL, 
	expires_at DATETIME NOT NULL, 
	used_at DATETIME, 
	PRIMARY KEY (code_sha256), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE card (
	card_id VARCHAR(100) NOT NULL, 
	notice_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	platform VARCHAR(16) NOT NULL, 
	user_id VARCHAR(128) NOT NULL, 
	token VARCHAR NOT NULL, 
	shown VARCHAR(64) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	subject VARCHAR(60) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	tries INTEGER NOT NULL, 
	not_before DATETIME, 
	closed BOOLEAN NOT NULL, 
	sent_at DATETIME NOT NULL, 
	PRIMARY KEY (card_id), 
	FOREIGN KEY(notice_id) REFERENCES notice (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE checkin (
	id INTEGER NOT NULL, 
	visit_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	latitude FLOAT, 
	longitude FLOAT, 
	place VARCHAR NOT NULL, 
	late_reason VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	CONSTRAINT uq_check_in UNIQUE (visit_id, person_id)
);
CREATE TABLE checklistversion (
	id INTEGER NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	definition JSON NOT NULL, 
	withdrawn_at DATETIME, 
	PRIMARY KEY (id), 
	CONSTRAINT uq_checklist_version UNIQUE (code, version)
);
CREATE TABLE consolelogin (
	link_sha256 VARCHAR(64) NOT NULL, 
	session_sha256 VARCHAR(64) NOT NULL, 
	person_id INTEGER NOT NULL, 
	used_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	PRIMARY KEY (link_sha256), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	UNIQUE (session_sha256)
);
CREATE TABLE credithistory (
	id INTEGER NOT NULL, 
	object_id INTEGER NOT NULL, 
	credit_class VARCHAR(1) NOT NULL, 
	since DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(object_id) REFERENCES inspectionobject (id)
);
CREATE TABLE department (
	id INTEGER NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	parent_id INTEGER, 
	territory VARCHAR(100) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(parent_id) REFERENCES department (id), 
	UNIQUE (code)
);
INSERT INTO "department" VALUES(1,'SJJ','市场监督管理局',NULL,'');
CREATE TABLE draw (
	id INTEGER NOT NULL, 
	task_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	pool_size INTEGER NOT NULL, 
	pool_sha256 VARCHAR(64) NOT NULL, 
	rules_sha256 VARCHAR(64) NOT NULL, 
	secret_sha256 VARCHAR(64) NOT NULL, 
	secret_hex VARCHAR(64) NOT NULL, 
	sources JSON NOT NULL, 
	public_value VARCHAR NOT NULL, 
	seed_hex VARCHAR(64) NOT NULL, 
	transcript JSON NOT NULL, 
	committed_at DATETIME NOT NULL, 
	revealed_at DATETIME, 
	locked_at DATETIME, 
	void_ground VARCHAR NOT NULL, 
	void_approved_by INTEGER, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_draw_void_ground CHECK (state <> 'VOID' OR void_ground <> ''), 
	CONSTRAINT ck_draw_seed CHECK (state = 'COMMITTED' OR state = 'VOID' OR seed_hex <> ''), 
	CONSTRAINT ck_draw_state CHECK (state IN ('COMMITTED', 'REVEALED', 'LOCKED', 'VOID')), 
	FOREIGN KEY(task_id) REFERENCES task (id), 
	FOREIGN KEY(void_approved_by) REFERENCES person (id), 
	CONSTRAINT uq_draw_round UNIQUE (task_id, round)
);
INSERT INTO "draw" VALUES(1,1,1,'LOCKED',20,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','[]','','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','{}','2026-03-10 01:30:00.000000',NULL,'2026-03-10 01:30:00.000000','',NULL);
CREATE TABLE drawfile (
	draw_id INTEGER NOT NULL, 
	name VARCHAR(20) NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (draw_id, name), 
	FOREIGN KEY(draw_id) REFERENCES draw (id)
);
CREATE TABLE drawpick (
	id INTEGER NOT NULL, 
	draw_id INTEGER NOT NULL, 
	object_id INTEGER NOT NULL, 
	stratum VARCHAR(60) NOT NULL, 
	ticket VARCHAR(64) NOT NULL, 
	rank INTEGER NOT NULL, 
	batch INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(draw_id) REFERENCES draw (id), 
	FOREIGN KEY(object_id) REFERENCES inspectionobject (id), 
	CONSTRAINT uq_draw_pick UNIQUE (draw_id, object_id)
);
CREATE TABLE enterprisecontact (
	person_id INTEGER NOT NULL, 
	object_id INTEGER NOT NULL, 
	duty VARCHAR(20) NOT NULL, 
	PRIMARY KEY (person_id, object_id), 
	FOREIGN KEY(object_id) REFERENCES inspectionobject (id), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE enterprisenotice (
	visit_id INTEGER NOT NULL, 
	due_on DATE, 
	delivered_at DATETIME, 
	delivery VARCHAR(16) NOT NULL, 
	read_at DATETIME, 
	PRIMARY KEY (visit_id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id)
);
CREATE TABLE evidence (
	id INTEGER NOT NULL, 
	visit_id INTEGER NOT NULL, 
	question VARCHAR(60) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	media_type VARCHAR(60) NOT NULL, 
	size INTEGER NOT NULL, 
	kind VARCHAR(12) NOT NULL, 
	person_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	latitude FLOAT, 
	longitude FLOAT, 
	source VARCHAR(12) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	CONSTRAINT uq_evidence UNIQUE (visit_id, question, sha256)
);
CREATE TABLE followup (
	id INTEGER NOT NULL, 
	number VARCHAR(48) NOT NULL, 
	visit_id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	state VARCHAR(14) NOT NULL, 
	generation INTEGER NOT NULL, 
	codes VARCHAR(40) NOT NULL, 
	problem VARCHAR NOT NULL, 
	order_text VARCHAR NOT NULL, 
	due_on DATE, 
	handler_id INTEGER NOT NULL, 
	opened_at DATETIME NOT NULL, 
	handled_at DATETIME, 
	reported_at DATETIME, 
	report VARCHAR NOT NULL, 
	closed_at DATETIME, 
	closing_note VARCHAR NOT NULL, 
	reminded_on DATE, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_follow_up_closing CHECK (state <> 'CLOSED' OR closing_note <> ''), 
	CONSTRAINT ck_follow_up_term CHECK (state <> 'ORDERED' OR due_on IS NOT NULL), 
	CONSTRAINT ck_follow_up_state CHECK (state IN ('OPEN', 'ORDERED', 'RECHECK_DUE', 'CORRECTED', 'CASE_FILED', 'TRANSFERRED', 'NO_PENALTY', 'CLOSED')), 
	FOREIGN KEY(handler_id) REFERENCES person (id), 
	FOREIGN KEY(item_id) REFERENCES item (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	UNIQUE (number), 
	CONSTRAINT uq_follow_up UNIQUE (visit_id, item_id)
);
CREATE TABLE importbatch (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	filename VARCHAR NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	counts JSON NOT NULL, 
	rejects JSON NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE inboxevent (
	id INTEGER NOT NULL, 
	platform VARCHAR(16) NOT NULL, 
	event_id VARCHAR(200) NOT NULL, 
	body JSON NOT NULL, 
	received_at DATETIME NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	attempts INTEGER NOT NULL, 
	not_before DATETIME NOT NULL, 
	handled_at DATETIME, 
	error VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_inbox_state CHECK (state IN ('new', 'done', 'failed')), 
	CONSTRAINT uq_inbox_event UNIQUE (platform, event_id)
);
CREATE TABLE inspectionobject (
	id INTEGER NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	kind VARCHAR(12) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	address VARCHAR NOT NULL, 
	district VARCHAR(60) NOT NULL, 
	industry VARCHAR(60) NOT NULL, 
	credit_class VARCHAR(1) NOT NULL, 
	status VARCHAR(14) NOT NULL, 
	user_unit_code VARCHAR(40) NOT NULL, 
	labels JSON NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_object_class CHECK (credit_class IN ('A', 'B', 'C', 'D')), 
	CONSTRAINT ck_object_kind CHECK (kind IN ('BUSINESS', 'EQUIPMENT', 'PRODUCT', 'PROJECT', 'BEHAVIOUR')), 
	CONSTRAINT ck_object_status CHECK (status IN ('ACTIVE', 'DEREGISTERED', 'REVOKED', 'MOVED')), 
	UNIQUE (code)
);
INSERT INTO "inspectionobject" VALUES(1,'91440800MA0000001X','BUSINESS','海田冷链有限公司','','','','B','ACTIVE','','["冷链"]','','2026-03-10 01:30:00.000000');
CREATE TABLE item (
	id INTEGER NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	content VARCHAR NOT NULL, 
	field VARCHAR(60) NOT NULL, 
	target VARCHAR(100) NOT NULL, 
	klass VARCHAR(10) NOT NULL, 
	cap_percent FLOAT, 
	basis VARCHAR NOT NULL, 
	method VARCHAR(60) NOT NULL, 
	notice_mode VARCHAR(12) NOT NULL, 
	ratio_authority VARCHAR(8) NOT NULL, 
	checklist_code VARCHAR(32) NOT NULL, 
	label_required VARCHAR(40) NOT NULL, 
	department_id INTEGER, 
	active BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_item_active_has_basis CHECK (NOT active OR basis <> ''), 
	CONSTRAINT ck_item_general_has_cap CHECK (klass = 'KEY' OR cap_percent IS NOT NULL), 
	CONSTRAINT ck_item_class CHECK (klass IN ('KEY', 'GENERAL')), 
	CONSTRAINT ck_item_notice CHECK (notice_mode IN ('ADVANCE', 'ON_SITE', 'UNANNOUNCED')), 
	FOREIGN KEY(department_id) REFERENCES department (id), 
	CONSTRAINT uq_item_version UNIQUE (code, version)
);
INSERT INTO "item" VALUES(1,'IT-1',1,'特种设备','','','','KEY',NULL,'特种设备安全法','实地检查','ADVANCE','SELF','','',1,1);
CREATE TABLE itemresult (
	id INTEGER NOT NULL, 
	visit_id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	codes JSON NOT NULL, 
	problem VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	person_id INTEGER NOT NULL, 
	reason VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_item_result_reason CHECK (version = 1 OR reason <> ''), 
	FOREIGN KEY(item_id) REFERENCES item (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	CONSTRAINT uq_item_result UNIQUE (visit_id, item_id, version)
);
CREATE TABLE notice (
	id INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	subject VARCHAR(60) NOT NULL, 
	generation INTEGER NOT NULL, 
	recipient_id INTEGER NOT NULL, 
	slot VARCHAR(60) NOT NULL, 
	priority VARCHAR(1) NOT NULL, 
	statutory BOOLEAN NOT NULL, 
	data JSON NOT NULL, 
	not_before DATETIME NOT NULL, 
	expires_at DATETIME, 
	state VARCHAR(10) NOT NULL, 
	attempts INTEGER NOT NULL, 
	lease_until DATETIME, 
	lease_by VARCHAR(40) NOT NULL, 
	created_at DATETIME NOT NULL, 
	done_at DATETIME, 
	read_at DATETIME, 
	platform VARCHAR(16) NOT NULL, 
	detail VARCHAR NOT NULL, 
	card_id VARCHAR(100) NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_notice_lease CHECK (state <> 'sending' OR lease_until IS NOT NULL), 
	CONSTRAINT ck_notice_state CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'expired', 'withdrawn', 'skipped')), 
	CONSTRAINT ck_notice_useful CHECK (expires_at IS NULL OR expires_at > not_before), 
	FOREIGN KEY(recipient_id) REFERENCES person (id), 
	CONSTRAINT uq_notice UNIQUE (kind, subject, recipient_id, slot)
);
INSERT INTO "notice" VALUES(1,'assignment','visit:1',1,1,'','2',0,'{}','2026-03-10 01:30:00.000000',NULL,'queued',0,NULL,'','2026-03-10 01:30:00.000000',NULL,NULL,'','','');
CREATE TABLE officer (
	person_id INTEGER NOT NULL, 
	certificate_no VARCHAR(32) NOT NULL, 
	category VARCHAR(40) NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE NOT NULL, 
	labels JSON NOT NULL, 
	territory VARCHAR(100) NOT NULL, 
	available BOOLEAN NOT NULL, 
	PRIMARY KEY (person_id), 
	CONSTRAINT ck_officer_validity CHECK (valid_from <= valid_to), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	UNIQUE (certificate_no)
);
CREATE TABLE person (
	id INTEGER NOT NULL, 
	code VARCHAR(64) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	department_id INTEGER, 
	mobile VARCHAR(20) NOT NULL, 
	active BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(department_id) REFERENCES department (id), 
	UNIQUE (code)
);
INSERT INTO "person" VALUES(1,'P001','王建国',1,'',1);
CREATE TABLE personrole (
	person_id INTEGER NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	PRIMARY KEY (person_id, role), 
	CONSTRAINT ck_person_role CHECK (role IN ('OFFICER', 'LEAD', 'REVIEWER', 'COORDINATOR', 'ADMIN', 'ENTERPRISE')), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
INSERT INTO "personrole" VALUES(1,'OFFICER');
CREATE TABLE "plan" (
	id INTEGER NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	year INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	department_id INTEGER NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	ground VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	approved_at DATETIME, 
	published_at DATETIME, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_plan_state CHECK (state IN ('DRAFT', 'APPROVED', 'PUBLISHED', 'SUPERSEDED')), 
	CONSTRAINT ck_plan_change_has_ground CHECK (version = 1 OR ground <> ''), 
	FOREIGN KEY(department_id) REFERENCES department (id), 
	CONSTRAINT uq_plan_version UNIQUE (code, version)
);
INSERT INTO "plan" VALUES(1,'JH-2026',1,2026,'2026年度抽查计划',1,'DRAFT','','2026-03-10 01:30:00.000000',NULL,NULL);
CREATE TABLE planline (
	id INTEGER NOT NULL, 
	plan_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	item_ids JSON NOT NULL, 
	lead_department_id INTEGER NOT NULL, 
	joint_department_ids JSON NOT NULL, 
	ratios JSON NOT NULL, 
	scope JSON NOT NULL, 
	focus VARCHAR NOT NULL, 
	method VARCHAR NOT NULL, 
	officers_per_visit INTEGER NOT NULL, 
	batch_size INTEGER NOT NULL, 
	window_start DATE NOT NULL, 
	window_end DATE NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_plan_line_officers CHECK (officers_per_visit >= 1), 
	CONSTRAINT ck_plan_line_window CHECK (window_start <= window_end), 
	FOREIGN KEY(lead_department_id) REFERENCES department (id), 
	FOREIGN KEY(plan_id) REFERENCES "plan" (id), 
	CONSTRAINT uq_plan_line UNIQUE (plan_id, number)
);
INSERT INTO "planline" VALUES(1,1,1,'特种设备','[1]',1,'[]','{"B": 5}','{}','','实地检查',2,0,'2026-03-10','2026-04-10');
CREATE TABLE publication (
	id VARCHAR(26) NOT NULL, 
	visit_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	object_code VARCHAR(40) NOT NULL, 
	object_name VARCHAR(200) NOT NULL, 
	task_number VARCHAR(40) NOT NULL, 
	result VARCHAR(60) NOT NULL, 
	body JSON NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	due_on DATE, 
	published_at DATETIME NOT NULL, 
	late BOOLEAN NOT NULL, 
	ground VARCHAR NOT NULL, 
	withdrawn BOOLEAN NOT NULL, 
	channels JSON NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_publication_ground CHECK (version = 1 OR ground <> ''), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	CONSTRAINT uq_publication_version UNIQUE (visit_id, version)
);
CREATE TABLE recordsheet (
	visit_id INTEGER NOT NULL, 
	closed_at DATETIME NOT NULL, 
	signed_by VARCHAR(40) NOT NULL, 
	signature_sha256 VARCHAR(64) NOT NULL, 
	refusal_code VARCHAR(20) NOT NULL, 
	refusal_text VARCHAR NOT NULL, 
	witness VARCHAR NOT NULL, 
	pdf_sha256 VARCHAR(64) NOT NULL, 
	verify_code VARCHAR(26) NOT NULL, 
	PRIMARY KEY (visit_id), 
	CONSTRAINT ck_record_sheet_signed_or_reason CHECK ((signature_sha256 <> '' AND signed_by <> '') OR (refusal_code <> '' AND refusal_text <> '')), 
	FOREIGN KEY(visit_id) REFERENCES visit (id)
);
CREATE TABLE relation (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	object_id INTEGER NOT NULL, 
	ground VARCHAR(40) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(object_id) REFERENCES inspectionobject (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT uq_relation UNIQUE (person_id, object_id)
);
CREATE TABLE review (
	id INTEGER NOT NULL, 
	visit_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	reviewer_id INTEGER NOT NULL, 
	decision VARCHAR(10) NOT NULL, 
	reason VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_review_return_has_reason CHECK (decision = 'APPROVED' OR reason <> ''), 
	CONSTRAINT ck_review_decision CHECK (decision IN ('APPROVED', 'RETURNED')), 
	FOREIGN KEY(reviewer_id) REFERENCES person (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	CONSTRAINT uq_review_round UNIQUE (visit_id, round)
);
CREATE TABLE talk (
	person_key VARCHAR(160) NOT NULL, 
	topic VARCHAR(40) NOT NULL, 
	data JSON NOT NULL, 
	since DATETIME NOT NULL, 
	PRIMARY KEY (person_key)
);
CREATE TABLE task (
	id INTEGER NOT NULL, 
	number VARCHAR(40) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	plan_line_id INTEGER NOT NULL, 
	lead_department_id INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	targeted BOOLEAN NOT NULL, 
	mode VARCHAR(12) NOT NULL, 
	mode_reason VARCHAR NOT NULL, 
	source VARCHAR(10) NOT NULL, 
	item_ids JSON NOT NULL, 
	checklist_ids JSON NOT NULL, 
	window_start DATE NOT NULL, 
	window_end DATE NOT NULL, 
	policy JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	dispatched_at DATETIME, 
	completed_at DATETIME, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_task_mode_reason CHECK (mode = 'BOTH' OR mode_reason <> ''), 
	CONSTRAINT ck_task_mode CHECK (mode IN ('BOTH', 'OBJECT_ONLY', 'PERSON_ONLY')), 
	CONSTRAINT ck_task_state CHECK (state IN ('DRAFT', 'APPROVED', 'LIBRARIES_CONFIRMED', 'OBJECTS_DRAWN', 'DISPATCHED', 'IN_PROGRESS', 'COMPLETED', 'ARCHIVED', 'CANCELLED', 'SUSPENDED', 'TERMINATED')), 
	FOREIGN KEY(lead_department_id) REFERENCES department (id), 
	FOREIGN KEY(plan_line_id) REFERENCES planline (id), 
	UNIQUE (number)
);
INSERT INTO "task" VALUES(1,'440800202603100001','特种设备抽查',1,1,'DISPATCHED',0,'BOTH','','RANDOM','[1]','[]','2026-03-10','2026-04-10','{}','2026-03-10 01:30:00.000000','2026-03-10 01:30:00.000000',NULL);
CREATE TABLE taskitem (
	task_id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	PRIMARY KEY (task_id, item_id), 
	FOREIGN KEY(item_id) REFERENCES item (id), 
	FOREIGN KEY(task_id) REFERENCES task (id)
);
CREATE TABLE training (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	session VARCHAR(100) NOT NULL, 
	held_on DATE NOT NULL, 
	valid_to DATE NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT uq_training UNIQUE (person_id, session)
);
CREATE TABLE visit (
	id INTEGER NOT NULL, 
	number VARCHAR(48) NOT NULL, 
	task_id INTEGER NOT NULL, 
	object_id INTEGER NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	stratum VARCHAR(60) NOT NULL, 
	ticket VARCHAR(64) NOT NULL, 
	rank INTEGER NOT NULL, 
	batch INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	planned_on DATE NOT NULL, 
	due_on DATE NOT NULL, 
	accepted_at DATETIME, 
	on_site_at DATETIME, 
	recorded_at DATETIME, 
	ended_on DATE, 
	submitted_at DATETIME, 
	reviewed_at DATETIME, 
	publish_due DATE, 
	published_at DATETIME, 
	outcome VARCHAR(4) NOT NULL, 
	late BOOLEAN NOT NULL, 
	reminded_on DATE, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_visit_state CHECK (state IN ('ASSIGNED', 'ACCEPTED', 'ON_SITE', 'RECORDED', 'IN_REVIEW', 'APPROVED', 'PUBLISHED', 'NON_PUBLIC')), 
	FOREIGN KEY(object_id) REFERENCES inspectionobject (id), 
	FOREIGN KEY(task_id) REFERENCES task (id), 
	UNIQUE (number), 
	CONSTRAINT uq_visit_object UNIQUE (task_id, object_id)
);
INSERT INTO "visit" VALUES(1,'440800202603100001-1',1,1,'ASSIGNED','B','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',1,1,1,'2026-03-10','2026-04-10',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,NULL);
CREATE TABLE visitform (
	id VARCHAR(26) NOT NULL, 
	visit_id INTEGER NOT NULL, 
	opened_at DATETIME NOT NULL, 
	opened_by INTEGER NOT NULL, 
	draft JSON NOT NULL, 
	draft_version INTEGER NOT NULL, 
	draft_by INTEGER, 
	submitted_at DATETIME, 
	submitted_by INTEGER, 
	receipt JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(draft_by) REFERENCES person (id), 
	FOREIGN KEY(opened_by) REFERENCES person (id), 
	FOREIGN KEY(submitted_by) REFERENCES person (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	UNIQUE (visit_id)
);
CREATE TABLE visitofficer (
	id INTEGER NOT NULL, 
	visit_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	department_id INTEGER, 
	state VARCHAR(14) NOT NULL, 
	leader BOOLEAN NOT NULL, 
	ticket VARCHAR(64) NOT NULL, 
	assigned_at DATETIME NOT NULL, 
	accepted_at DATETIME, 
	replaced_by INTEGER, 
	recusal_reason VARCHAR NOT NULL, 
	recusal_decided_by INTEGER, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_visit_officer_state CHECK (state IN ('ASSIGNED', 'ACCEPTED', 'RECUSAL_ASKED', 'REPLACED')), 
	FOREIGN KEY(department_id) REFERENCES department (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(recusal_decided_by) REFERENCES person (id), 
	FOREIGN KEY(replaced_by) REFERENCES person (id), 
	FOREIGN KEY(visit_id) REFERENCES visit (id), 
	CONSTRAINT uq_visit_officer UNIQUE (visit_id, person_id)
);
INSERT INTO "visitofficer" VALUES(1,1,1,NULL,'ASSIGNED',1,'0000000000000000000000000000000000000000000000000000000000000000','2026-03-10 01:30:00.000000',NULL,NULL,'',NULL);
CREATE INDEX ix_auditentry_action ON auditentry (action);
CREATE INDEX ix_auditentry_subject ON auditentry (subject);
CREATE INDEX ix_checklistversion_code ON checklistversion (code);
CREATE INDEX ix_inbox_new ON inboxevent (not_before) WHERE state = 'new';
CREATE INDEX ix_inspectionobject_district ON inspectionobject (district);
CREATE INDEX ix_inspectionobject_industry ON inspectionobject (industry);
CREATE INDEX ix_credithistory_object_id ON credithistory (object_id);
CREATE INDEX ix_item_code ON item (code);
CREATE INDEX ix_item_department_id ON item (department_id);
CREATE INDEX ix_person_department_id ON person (department_id);
CREATE INDEX ix_plan_code ON "plan" (code);
CREATE INDEX ix_absence_person_id ON absence (person_id);
CREATE INDEX ix_account_person_id ON account (person_id);
CREATE INDEX ix_account_person_platform ON account (person_id, platform);
CREATE INDEX ix_bindcode_person_id ON bindcode (person_id);
CREATE INDEX ix_consolelogin_person_id ON consolelogin (person_id);
CREATE INDEX ix_enterprisecontact_object_id ON enterprisecontact (object_id);
CREATE INDEX ix_notice_card_id ON notice (card_id);
CREATE INDEX ix_notice_due ON notice (not_before, priority) WHERE state = 'queued';
CREATE INDEX ix_notice_leased ON notice (lease_until) WHERE state = 'sending';
CREATE INDEX ix_notice_recipient_id ON notice (recipient_id);
CREATE INDEX ix_notice_subject ON notice (subject);
CREATE INDEX ix_personrole_role ON personrole (role);
CREATE INDEX ix_planline_plan_id ON planline (plan_id);
CREATE INDEX ix_relation_object_id ON relation (object_id);
CREATE INDEX ix_relation_person_id ON relation (person_id);
CREATE INDEX ix_training_person_id ON training (person_id);
CREATE INDEX ix_attempt_notice_id ON attempt (notice_id);
CREATE INDEX ix_card_notice_id ON card (notice_id);
CREATE INDEX ix_card_person_id ON card (person_id);
CREATE INDEX ix_card_stale ON card (not_before) WHERE stale;
CREATE INDEX ix_card_subject ON card (subject);
CREATE INDEX ix_task_plan_line_id ON task (plan_line_id);
CREATE INDEX ix_task_state ON task (state);
CREATE INDEX ix_draw_task_id ON draw (task_id);
CREATE UNIQUE INDEX uq_draw_live ON draw (task_id) WHERE state <> 'VOID';
CREATE INDEX ix_taskitem_item_id ON taskitem (item_id);
CREATE INDEX ix_visit_object_id ON visit (object_id);
CREATE INDEX ix_visit_state_publish_due ON visit (state, publish_due);
CREATE INDEX ix_visit_state_reminded ON visit (state, reminded_on);
CREATE INDEX ix_visit_task_id ON visit (task_id);
CREATE INDEX ix_visit_task_state ON visit (task_id, state);
CREATE INDEX ix_answer_visit_id ON answer (visit_id);
CREATE INDEX ix_checkin_visit_id ON checkin (visit_id);
CREATE INDEX ix_drawpick_draw_id ON drawpick (draw_id);
CREATE INDEX ix_drawpick_object_id ON drawpick (object_id);
CREATE INDEX ix_evidence_sha256 ON evidence (sha256);
CREATE INDEX ix_evidence_visit_id ON evidence (visit_id);
CREATE INDEX ix_follow_up_due ON followup (state, due_on);
CREATE INDEX ix_followup_handler_id ON followup (handler_id);
CREATE INDEX ix_followup_visit_id ON followup (visit_id);
CREATE INDEX ix_itemresult_visit_id ON itemresult (visit_id);
CREATE INDEX ix_publication_object_code ON publication (object_code);
CREATE INDEX ix_publication_published_at ON publication (published_at);
CREATE INDEX ix_publication_result ON publication (result);
CREATE INDEX ix_publication_task_number ON publication (task_number);
CREATE INDEX ix_publication_visit_id ON publication (visit_id);
CREATE INDEX ix_recordsheet_verify_code ON recordsheet (verify_code);
CREATE INDEX ix_review_visit_id ON review (visit_id);
CREATE INDEX ix_visit_officer_state ON visitofficer (state, assigned_at);
CREATE INDEX ix_visitofficer_person_id ON visitofficer (person_id);
CREATE INDEX ix_visitofficer_visit_id ON visitofficer (visit_id);
COMMIT;
