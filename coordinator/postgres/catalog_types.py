"""The parts of the catalog query that read types, functions and operators; see docs/fingerprint.md.

The columns are those of `catalog_relations`. A function's body comes apart from its definition, with the
language before it, because white space in it is made the same outside the server.
"""

ENUMS = r"""
SELECT 'enum', n.nspname, t.typname, '',
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(t.typowner),
           (SELECT string_agg('label ' || quote_literal(e.enumlabel), E'\n' ORDER BY e.enumsortorder)
              FROM pg_enum AS e WHERE e.enumtypid = t.oid),
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM types AS t
  JOIN schemas AS n ON n.oid = t.typnamespace
  LEFT JOIN said AS d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid
 WHERE t.typtype = 'e'
"""

DOMAINS = r"""
SELECT 'domain', n.nspname, t.typname, '',
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(t.typowner),
           format_type(t.typbasetype, t.typtypmod),
           CASE WHEN t.typcollation <> b.typcollation THEN 'collate '
               || t.typcollation::regcollation::text END,
           'default ' || t.typdefault,
           CASE WHEN t.typnotnull THEN 'not null' END,
           (SELECT string_agg('constraint ' || quote_ident(c.conname) || ' '
               || pg_get_constraintdef(c.oid), E'\n'
                       ORDER BY c.conname)
              FROM pg_constraint AS c WHERE c.contypid = t.oid AND c.contype <> 'n'),
           'comment ' || d.description),
       NULL, NULL, concat_ws(' ', t.xmin::text || t.ctid::text, d.version,
           (SELECT string_agg(c.xmin::text || c.ctid::text, ' ' ORDER BY c.conname)
              FROM pg_constraint AS c WHERE c.contypid = t.oid))
  FROM types AS t
  JOIN schemas AS n ON n.oid = t.typnamespace
  JOIN pg_type AS b ON b.oid = t.typbasetype
  LEFT JOIN said AS d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid
 WHERE t.typtype = 'd'
"""

COMPOSITE_TYPES = r"""
SELECT 'composite type', n.nspname, t.typname, '',
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(t.typowner),
           (SELECT string_agg(concat_ws(' ', 'attribute', quote_ident(a.attname), format_type(a.atttypid,
               a.atttypmod),
                       CASE WHEN a.attcollation <> b.typcollation THEN 'collate '
                           || a.attcollation::regcollation::text END),
                       E'\n' ORDER BY a.attnum)
              FROM pg_attribute AS a JOIN pg_type AS b ON b.oid = a.atttypid
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
           'comment ' || d.description),
       NULL, (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attisdropped)::integer,
       concat_ws(' ', t.xmin::text || t.ctid::text, d.version,
           (SELECT string_agg(a.xmin::text || a.ctid::text, ' ' ORDER BY a.attnum)
              FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0))
  FROM types AS t
  JOIN schemas AS n ON n.oid = t.typnamespace
  LEFT JOIN said AS d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid
 WHERE t.typtype = 'c'
"""

OTHER_TYPES = r"""
SELECT CASE t.typtype WHEN 'r' THEN 'range type' ELSE 'base type' END, n.nspname, t.typname, '',
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(t.typowner),
           (SELECT concat_ws(' ', 'subtype', format_type(r.rngsubtype, NULL),
                       'operator class', (SELECT quote_ident(m.nspname) || '.' || quote_ident(o.opcname)
                           FROM pg_opclass AS o JOIN pg_namespace AS m ON m.oid = o.opcnamespace
                               WHERE o.oid = r.rngsubopc),
                       CASE WHEN r.rngcollation <> 0 THEN 'collate '
                           || r.rngcollation::regcollation::text END,
                       'canonical', r.rngcanonical::text, 'difference', r.rngsubdiff::text,
                       'multirange', format_type(r.rngmultitypid, NULL))
              FROM pg_range AS r WHERE r.rngtypid = t.oid),
           CASE WHEN t.typtype = 'b' THEN concat_ws(' ', 'length', t.typlen, 'alignment',
               t.typalign::text,
               'storage', t.typstorage::text, 'category', t.typcategory::text,
               'input', t.typinput::text, 'output', t.typoutput::text) END,
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM types AS t
  JOIN schemas AS n ON n.oid = t.typnamespace
  LEFT JOIN said AS d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid
 WHERE t.typtype IN ('r', 'b')
"""

FUNCTIONS = r"""
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       n.nspname, p.proname, oidvectortypes(p.proargtypes),
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(p.proowner),
           'arguments ' || nullif(pg_get_function_arguments(p.oid), ''),
           'returns ' || pg_get_function_result(p.oid),
           'language ' || l.lanname,
           CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
           CASE WHEN p.prokind = 'w' THEN 'window' END,
           CASE WHEN p.proisstrict THEN 'strict' END,
           CASE WHEN p.prosecdef THEN 'security definer' END,
           CASE WHEN p.proleakproof THEN 'leakproof' END,
           CASE p.proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' END,
           'cost ' || p.procost, 'rows ' || nullif(p.prorows, 0),
           'support ' || nullif(p.prosupport::text, '-'),
           (SELECT string_agg('set ' || o, E'\n' ORDER BY o) FROM unnest(p.proconfig) AS o),
           'library ' || p.probin,
           (SELECT concat_ws(E'\n',
                       concat_ws(' ', 'transition', g.aggtransfn::text, format_type(g.aggtranstype,
                           NULL), g.aggtransspace,
                           'initially', quote_nullable(g.agginitval)),
                       concat_ws(' ', 'final', g.aggfinalfn::text, g.aggfinalextra,
                           g.aggfinalmodify::text),
                       concat_ws(' ', 'moving', g.aggmtransfn::text, g.aggminvtransfn::text,
                           g.aggmfinalfn::text,
                           format_type(nullif(g.aggmtranstype, 0), NULL), quote_nullable(g.aggminitval)),
                       concat_ws(' ', 'combine', g.aggcombinefn::text, g.aggserialfn::text,
                           g.aggdeserialfn::text),
                       concat_ws(' ', 'kind', g.aggkind::text, 'sort', nullif(g.aggsortop,
                           0)::regoperator::text))
              FROM pg_aggregate AS g WHERE g.aggfnoid = p.oid),
           'comment ' || d.description),
       CASE WHEN p.prokind <> 'a' THEN l.lanname || E'\n' || coalesce(pg_get_function_sqlbody(p.oid),
           p.prosrc) END,
       NULL, concat_ws(' ', p.xmin::text || p.ctid::text, d.version)
  FROM pg_proc AS p
  JOIN schemas AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
  LEFT JOIN said AS d ON d.classoid = 'pg_proc'::regclass AND d.objoid = p.oid
 WHERE p.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_proc'::regclass)
   -- The constructors of a range type come and go with it.
   AND NOT EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid
       AND i.deptype = 'i')
"""

OPERATORS = r"""
SELECT 'operator', n.nspname, o.oprname, concat_ws(', ', nullif(o.oprleft, 0)::regtype::text,
    o.oprright::regtype::text),
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(o.oprowner),
           concat_ws(' ', 'procedure', o.oprcode::text, 'returns', format_type(o.oprresult, NULL)),
           'commutator ' || nullif(o.oprcom, 0)::regoperator::text, 'negator ' || nullif(o.oprnegate,
               0)::regoperator::text,
           'restrict ' || nullif(o.oprrest::text, '-'), 'join ' || nullif(o.oprjoin::text, '-'),
           CASE WHEN o.oprcanhash THEN 'hashes' END, CASE WHEN o.oprcanmerge THEN 'merges' END,
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM pg_operator AS o
  JOIN schemas AS n ON n.oid = o.oprnamespace
  LEFT JOIN said AS d ON d.classoid = 'pg_operator'::regclass AND d.objoid = o.oid
 WHERE o.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_operator'::regclass)
UNION ALL
SELECT 'operator class', n.nspname, c.opcname, m.amname::text,
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(c.opcowner),
           'for ' || format_type(c.opcintype, NULL), 'storage ' || format_type(nullif(c.opckeytype, 0),
               NULL),
           CASE WHEN c.opcdefault THEN 'default' END,
           (SELECT string_agg(concat_ws(' ', 'operator', a.amopstrategy, a.amopopr::regoperator::text,
               a.amoppurpose::text),
                       E'\n' ORDER BY a.amopstrategy, a.amopopr::regoperator::text)
              FROM pg_amop AS a WHERE a.amopfamily = c.opcfamily),
           (SELECT string_agg(concat_ws(' ', 'function', a.amprocnum, a.amproc::regprocedure::text),
                       E'\n' ORDER BY a.amprocnum, a.amproc::regprocedure::text)
              FROM pg_amproc AS a WHERE a.amprocfamily = c.opcfamily),
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM pg_opclass AS c
  JOIN schemas AS n ON n.oid = c.opcnamespace
  JOIN pg_am AS m ON m.oid = c.opcmethod
  LEFT JOIN said AS d ON d.classoid = 'pg_opclass'::regclass AND d.objoid = c.oid
 WHERE c.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_opclass'::regclass)
"""

# Columns of pg_collation come and go between versions, so the whole row is written out.
COLLATIONS_AND_TEXT_SEARCH = r"""
SELECT 'collation', n.nspname, c.collname, '',
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(c.collowner),
           (to_jsonb(c) - 'oid' - 'collname' - 'collnamespace' - 'collowner' - 'collversion')::text,
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM pg_collation AS c
  JOIN schemas AS n ON n.oid = c.collnamespace
  LEFT JOIN said AS d ON d.classoid = 'pg_collation'::regclass AND d.objoid = c.oid
 WHERE c.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_collation'::regclass)
UNION ALL
SELECT 'text search dictionary', n.nspname, t.dictname, '',
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(t.dictowner),
           (SELECT 'template ' || quote_ident(m.nspname) || '.' || quote_ident(x.tmplname)
              FROM pg_ts_template AS x JOIN pg_namespace AS m ON m.oid = x.tmplnamespace
                  WHERE x.oid = t.dicttemplate),
           'options ' || t.dictinitoption,
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM pg_ts_dict AS t
  JOIN schemas AS n ON n.oid = t.dictnamespace
  LEFT JOIN said AS d ON d.classoid = 'pg_ts_dict'::regclass AND d.objoid = t.oid
 WHERE t.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_ts_dict'::regclass)
UNION ALL
SELECT 'text search configuration', n.nspname, f.cfgname, '',
       concat_ws(E'\n',
           'owner ' || pg_get_userbyid(f.cfgowner),
           (SELECT 'parser ' || quote_ident(m.nspname) || '.' || quote_ident(x.prsname)
              FROM pg_ts_parser AS x JOIN pg_namespace AS m ON m.oid = x.prsnamespace
                  WHERE x.oid = f.cfgparser),
           (SELECT string_agg(concat_ws(' ', 'token', e.maptokentype, e.mapdict::regdictionary::text),
               E'\n'
                       ORDER BY e.maptokentype, e.mapseqno)
              FROM pg_ts_config_map AS e WHERE e.mapcfg = f.oid),
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM pg_ts_config AS f
  JOIN schemas AS n ON n.oid = f.cfgnamespace
  LEFT JOIN said AS d ON d.classoid = 'pg_ts_config'::regclass AND d.objoid = f.oid
 WHERE f.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_ts_config'::regclass)
"""
