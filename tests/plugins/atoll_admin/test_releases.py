"""Clusters of all releases: fields, options and routes that some of them don't have."""

import json

import pytest


def unknown(name, type="User"):
    return {"data": None, "errors": [{"message": f"Cannot query field '{name}' on type '{type}'."}]}


def users(*items):
    return {"data": {"user_list": {"items": [*items], "total_count": len(items)}}}


async def test_a_field_that_a_cluster_does_not_know_is_left_out(facing, cluster):
    def tell(query, _):
        return unknown("groups") if "groups" in query else users({"email": "a@b", "uuid": "1"})

    cluster.tell = tell
    async with facing() as shell:
        result = await shell.run("admin users --output json")
    [user] = json.loads(result.stdout)
    assert (result.code, user["email"]) == (0, "a@b")
    assert "groups" not in user
    assert len(cluster.queries()) == 2


async def test_a_field_that_was_asked_for_is_missed(facing, cluster):
    cluster.tell = lambda _query, _variables: unknown("groups")
    async with facing() as shell:
        result = await shell.run("admin users -f email,groups")
    assert (result.code, result.stdout) == (1, "")
    assert "this cluster (23.09.10) has no field groups" in result.stderr


async def test_what_came_later_is_not_asked_of_older_clusters(facing, cluster):
    cluster.tell = lambda _query, _variables: {"data": {"user": {"email": "a@b"}}}
    async with facing() as shell:
        await shell.run("admin user")
        result = await shell.run("admin users add default a@b pw --container-uid 1000")
    assert "container_uid" not in "".join(cluster.queries())
    assert result.code == 1
    assert "this cluster (23.09.10) is too old for --container-uid" in result.stderr


async def test_newer_clusters_are_asked_for_it(facing, cluster):
    cluster.version = "v9.20250722"
    cluster.tell = lambda _query, _variables: {"data": {"user": {"container_uid": 1000}}}
    async with facing() as shell:
        result = await shell.run("admin user -f container_uid --output json")
    assert json.loads(result.stdout) == {"container_uid": 1000}


async def test_a_field_that_fails_does_not_hide_the_others(facing, cluster):
    failed = {"message": "Bad request", "path": ["storage_volume", "performance_metric"]}

    def tell(query, _):
        volume = {"storage_volume": {"id": "local:volume1"}}
        return {"data": volume, "errors": [failed] if "performance_metric" in query else None}

    cluster.tell = tell
    async with facing() as shell:
        result = await shell.run("admin storage local:volume1 --output json")
    assert (result.code, json.loads(result.stdout)["id"]) == (0, "local:volume1")


async def test_a_query_that_was_dropped_is_said_to_be(facing, cluster):
    cluster.manager = "27.1.0"
    cluster.tell = lambda _query, _variables: unknown("domains", "Query")
    async with facing() as shell:
        result = await shell.run("admin domains")
    assert result.code == 1
    assert result.stderr.endswith("this cluster (27.1.0) does not offer domains\n")


async def test_a_route_that_is_not_there_is_said_to_be(facing):
    async with facing() as shell:
        result = await shell.run("admin resources recalculate-usage")
    assert result.code == 1
    assert "does not offer POST /resource/recalculate-usage" in result.stderr


async def test_registries_are_found_under_both_routes(facing, cluster):
    cluster.routes["GET /resource/container-registries"] = cluster.json({"local": "http://x"})
    async with facing() as shell:
        result = await shell.run("admin resources docker-registries --output json")
    assert json.loads(result.stdout) == [{"name": "local", "url": "http://x"}]


async def test_a_domain_gets_its_limits_where_26_fails_to_take_them_at_once(facing, cluster):
    cluster.version, made = "v9.20250722", []

    def tell(query, variables):
        root = query.partition("{ ")[2].partition("(")[0]
        made.append((root, variables))
        return {"data": {root: {"ok": True, "msg": "", "domain": {"name": "t", "is_active": True}}}}

    cluster.tell = tell
    async with facing() as shell:
        line = "admin domains add t -d x --total-resource-slots cpu=4,mem=8g"
        assert (await shell.run(line)).code == 0
    (create, first), (modify, second) = made
    assert (create, first) == ("create_domain", {"name": "t", "props": {"description": "x"}})
    assert (modify, second["name"]) == ("modify_domain", "t")
    assert json.loads(second["props"]["total_resource_slots"]) == {"cpu": "4", "mem": "8g"}


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        ("no permission to execute delete_user", 4, "no permission"),
        ("no matching deleteuser", 5, "no matching"),
        ('integrity error: (asyncpg) DETAIL:  Key (name)=(x) already exists. [SQL: INSERT …', 1,
         "x already exists"),
        ('DETAIL: Key (name)=(x) is still referenced from table "keypairs".', 1,
         "it is still in use by keypairs"),
    ],
)  # fmt: skip
async def test_a_mutation_that_fails_is_told_of(facing, cluster, message, code, said):
    def tell(query, _):
        if "delete_user" in query:
            return {"data": {"delete_user": {"ok": False, "msg": message}}}
        return {"data": {"user": {"email": "a@b"}}}

    cluster.tell = tell
    async with facing() as shell:
        result = await shell.run("admin users delete a@b --yes")
    assert result.code == code
    assert said in result.stderr
    assert "[SQL" not in result.stderr


async def test_a_role_that_23_09_calls_a_wrong_key(facing, cluster):
    cluster.routes["POST /config/get"] = cluster.problem(
        401, "auth-failed", "Credential/signature mismatch: Unauthorized access"
    )
    async with facing() as shell:
        result = await shell.run("admin etcd get x")
    assert result.code == 4
    assert result.stderr.endswith("your account may not do this\n")


async def test_a_watcher_that_does_not_answer(facing, cluster):
    cluster.routes["POST /resource/watcher/agent/stop"] = cluster.problem(
        500, "internal-server-error", "Internal server error"
    )
    async with facing() as shell:
        result = await shell.run("admin watcher agent-stop i-1")
    assert result.code == 1
    assert "the watcher of agent i-1 does not answer" in result.stderr


async def test_long_lists_come_page_by_page(facing, cluster):
    def tell(_query, variables):
        offset, limit = variables["offset"], variables["limit"]
        items = [{"email": f"u{n}@lab"} for n in range(offset, min(offset + limit, 250))]
        return {"data": {"user_list": {"items": items, "total_count": 250}}}

    cluster.tell = tell
    async with facing() as shell:
        everything = await shell.run("admin users -f email --output csv")
        some = await shell.run("admin users -f email --offset 90 --limit 120 --output csv")
    assert everything.stdout.splitlines() == ["email", *(f"u{n}@lab" for n in range(250))]
    assert some.stdout.splitlines() == ["email", *(f"u{n}@lab" for n in range(90, 210))]
